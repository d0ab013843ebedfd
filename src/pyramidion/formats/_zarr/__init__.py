"""What the readers of waveform and image stores share."""
