"""ops: the workspace on disk: making it, looking after it, backing it up, proving that it is whole."""
