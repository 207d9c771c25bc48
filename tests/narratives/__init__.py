"""The five systems, told through HTTP, worker, webhooks and mail."""
