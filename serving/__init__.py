"""What a public server adds to the page: readiness, cards for links, headers, metrics, a log."""
