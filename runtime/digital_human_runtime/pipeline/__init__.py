"""One turn: stages joined by bounded queues, paced by what the listener has heard."""
