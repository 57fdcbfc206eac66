"""Who may call what: certificates, tokens, roles, tenants, limits and the log of who did what."""

from shared.access.guard import Guard
from shared.access.opening import guard_of, server_credentials

__all__ = ["Guard", "guard_of", "server_credentials"]
