"""How it is done at Stripe, and what is kept of it here.

The room holds everything between the rules (``mappings``) and the outside (``webhooks``,
``service``): the gateway that is the only caller of Stripe, the tables of the one database, the
mirror of Stripe's objects, accounts, quotes, plan changes and the notices (e-mails) that follow
from them. Start with ``changes`` to see a plan change carried out, with ``mirror`` to see how
local state is kept true.
"""
