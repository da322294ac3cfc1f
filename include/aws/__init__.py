"""Gateways to AWS: one module per service, with frozen facts and thin calls. Clients come first."""
