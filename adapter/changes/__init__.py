"""Plan changes: ordered, carried out, settled, taken back.

To follow one: ``orders`` takes a quote that still holds and commits the change, a line for each
family (``ordered`` is what the caller hands in, ``refused`` why it comes to nothing);
``procedures`` carries it out at Stripe, one small class per kind; at the period's end that is a
matter of ``schedules``. What has to be waited for is decided by the mirror: ``verdicts`` says where
a waiting line goes, ``settling`` moves it, with the notice (``telling``), the allowances, and what
follows at Stripe; what a page has sold is found by ``adopting``. ``activating`` sees a scheduled
change through whose first payment failed; ``undoing`` takes changes back, ``keeping`` quotes that.
``states`` has the only way from one state to the next.
"""
