"""Infrastructure of every service: settings, database, app factory, keys, subscriptions."""
