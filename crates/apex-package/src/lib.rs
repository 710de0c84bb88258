//! Packs, signs and checks plugin packages.
