"""Front ends that several families share: waveforms in, spectral features out, as torch tensors.

`kaldi` has the filter bank and spectrogram of Kaldi, `stft` windows and spectra, `mel` filters.
All take a batch of waveforms (n_sounds, n_samples) on any device. Tables (windows, filters) are
computed in float64 and kept as read-only arrays; what a function hands out is a copy of its own.
"""
