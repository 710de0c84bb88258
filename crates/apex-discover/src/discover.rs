//! One discovery, without memory of an earlier one.

use crate::{Assess, Catalogue, Discovery, Options, Overrides, Root};

/// Finds every plugin in the roots and says what becomes of it, with the default [`Options`].
///
/// Never fails as a whole: what is wrong with one plugin stands in its entry, what is wrong with a root in the
/// catalogue's problems.
pub fn discover<A: Assess>(roots: &[Root], assess: &A, overrides: &Overrides) -> Catalogue {
    discover_with(roots, assess, overrides, &Options::default())
}

/// Finds every plugin in the roots and says what becomes of it.
///
/// The result depends on what lies in the roots and on the arguments alone, not on the number of threads or the order
/// in which the file system lists names. [`Discovery`] does the same again and again, and looks only at what changed.
pub fn discover_with<A: Assess>(roots: &[Root], assess: &A, overrides: &Overrides, options: &Options) -> Catalogue {
    Discovery::new(roots.to_vec(), options.clone()).scan(assess, overrides)
}
