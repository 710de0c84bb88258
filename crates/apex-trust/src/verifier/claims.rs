//! What a manifest says, as far as a judgement looks at it: a summary will mostly do.

use std::fmt;

use apex_meta::{Digest, Document, PluginId, Signature};

/// A manifest, or a summary of one that is read again only if need be.
pub trait Claims: fmt::Debug {
    /// The plugin's id.
    fn id(&self) -> &PluginId;

    /// The digest that it claims for its files.
    fn checksum(&self) -> Option<Digest>;

    /// The signature that it carries.
    fn signature(&self) -> Option<&Signature>;

    /// The whole manifest, which is asked for only if its signature must be checked with a key that was not known when
    /// the facts were established; without it such a signature counts as one of an unknown key.
    fn document(&self) -> Option<&Document>;
}

impl Claims for Document {
    fn id(&self) -> &PluginId {
        Self::id(self)
    }

    fn checksum(&self) -> Option<Digest> {
        self.manifest().checksum
    }

    fn signature(&self) -> Option<&Signature> {
        self.manifest().signature.as_ref()
    }

    fn document(&self) -> Option<&Document> {
        Some(self)
    }
}
