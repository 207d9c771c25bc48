"""What goes through people: requests to sales, and plans that are agreed with them.

Nothing here touches Stripe. A request is stored and mailed; a plan without a price in the catalogue
is held by agreement, a row that an operator's change writes and ends.
"""
