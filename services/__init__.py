"""The three services: each folder stands alone and meets the others in proto/."""
