"""Laws of times, and what is known of the times before they are fitted."""
