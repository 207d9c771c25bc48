"""What it costs: ``make bench`` measures ratios, interleaved, in one run on this machine.

Nothing here is asserted against the clock: a slow machine changes every number and few ratios. The
exit code tells only whether something broke or an acknowledged event is missing.
"""
