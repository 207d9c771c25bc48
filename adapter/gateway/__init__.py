"""The one place that calls Stripe.

``read`` may be used by anybody; ``write`` sends only intents that are already committed, so a
write that was never recorded cannot be made. Both give frozen dataclasses (``snapshots``): no
Stripe object leaves this package, and no Stripe error either (``failures``).
"""
