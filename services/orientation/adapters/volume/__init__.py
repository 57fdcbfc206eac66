"""What call volume drives: the LightGBM learner and the Parquet files."""
