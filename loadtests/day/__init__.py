"""The main job: a hospital group's day, played through the public interfaces of the services."""
