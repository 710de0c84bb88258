//! Finds plugins in ordered roots and keeps the catalogue of every version.
