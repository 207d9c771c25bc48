"""Plans that are billed by usage: what is used goes to a Stripe meter, exactly once.

A usage record is booked with its *meter event* in one transaction (``booking``); the worker sends
the events of one account one by one (``sending``), and knows of each whether Stripe has it: by its
idempotency key, by its identifier, and after a day by what the meter has counted (``counting``).
``billable`` says at which moment an event is billed, for what comes late is billed later and not
lost. ``reports`` takes in what Stripe took and could not count after all. ``charges`` keeps what a
period has come to some days before it is billed, ``standing`` shows it. Every moment is billing
time unless it says otherwise.
"""
