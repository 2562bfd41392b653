"""The page of `simasgd advise`: the answers, how sure they are, and what they rest on."""
