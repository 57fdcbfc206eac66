"""What the orientation service can be asked, one small class a question."""
