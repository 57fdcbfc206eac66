"""Rules of call volume: the hourly series, the almanac, the season, features and quantiles."""
