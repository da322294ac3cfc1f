"""account_promotion: one commit and one artefact, from account to account, each proved before the next one gets them."""
