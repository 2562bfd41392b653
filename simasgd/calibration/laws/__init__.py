"""Laws of times, and the facts about the times before a fit."""
