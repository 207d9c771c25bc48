"""Checkout Sessions: pages of Stripe's on which customers pay or save a payment method."""
