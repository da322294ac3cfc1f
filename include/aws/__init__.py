"""AWS as the runbooks see it: one module per service, frozen facts and thin calls, the client first."""
