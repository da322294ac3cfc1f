"""The services beside AWS that runbooks call, behind one HTTP server: a path each, such as /slack/api/."""
