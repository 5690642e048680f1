"""Personal data that has a form: addresses of mail, telephones, cards, accounts, identity numbers, secrets."""

from acquisition.filters.pii.pii import Pii, PiiSettings

__all__ = ["Pii", "PiiSettings"]
