"""What models are called: ids, common names, configured names, and which provider lists which."""
