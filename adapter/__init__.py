"""How it is done at Stripe, and what is kept of it here.

The room holds everything between the rules (``mappings``) and the outside (``webhooks``,
``service``). Start with ``changes`` to see a plan change carried out, with ``mirror`` to see how
local state is kept true. What is where:

What callers ask for
    ``accounts``, ``quotes``, ``changes``, ``purchases``, ``allowances``, ``checkouts``, ``portal``
    and ``sales``, each with its rows and its work at Stripe. ``state``, ``entitlements``,
    ``options`` and ``invoice_documents`` are what callers read.
What is known of Stripe
    ``mirror`` is the only writer of the rows that say what Stripe says (``copying``, ``tickets``,
    ``tombstones``); ``effects`` derives what follows when they move (``endings``, ``trials``,
    ``open_invoices``), e-mails among it: ``notices``. ``holdings``, ``prices`` and ``charging``
    read them. ``reconcile`` proves them true.
What is done at Stripe
    ``gateway`` is the only caller. ``steps`` is every write: intent first. ``billing`` is what is
    billed, ``metering`` usage on its way; ``catalogue_sync``, ``adoption`` and ``endpoints`` are an
    operator's work. A ``deployment`` is what all of these are made of, ``tools`` what changes take.
What is done later
    ``due`` arms it with the row it belongs to, ``working`` does it in the worker (``jobs``); what
    happens to one customer happens one at a time: ``claims``.
What all stand on
    ``database``, ``tables`` and ``migrations``; ``clock``, ``ids``, ``keys``, ``errors``.
"""
