"""Judges that are not us: Stripe's published API document, the pinned SDK, and recorded traffic.

Our sandbox and our adapter were written from the same notes, so they could agree on the same
mistake. ``plugin`` therefore seats a judge in every sandbox of every test: each request and each
answer is held against Stripe's own document (``document``), made strict (``schemas``) and brought
from its version to ours by ``overlay.toml``, each line of which says where it comes from. The
overlay in turn is held against the SDK (``sdk``).
"""
