//! Queries over the catalogue: by tag, author, permission and by what actions do.

use apex_meta::{PluginId, Status};

use crate::{ActionSummary, Entry, summary::Summary};

/// What to look for in a catalogue; every condition that is set must hold.
///
/// Conditions on actions must all hold for the same action. Texts are compared without regard to ASCII case, save for
/// action names and permissions.
///
/// ```
/// use apex_discover::Query;
/// use apex_meta::Status;
/// let query = Query::new().tag("mail").streaming(true).status(Status::Ready).newest();
/// ```
#[derive(Debug, Clone, Default)]
pub struct Query {
    tag: Option<String>,
    author: Option<String>,
    permission: Option<String>,
    status: Option<Status>,
    newest: bool,
    action: ActionQuery,
}

#[derive(Debug, Clone, Default)]
struct ActionQuery {
    name: Option<String>,
    streaming: Option<bool>,
    progress: Option<bool>,
    content_type: Option<String>,
}

impl Query {
    /// A query for every entry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for a tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = Some(tag.into());
        self
    }

    /// Asks for a text in the author's name.
    #[must_use]
    pub fn author(mut self, text: impl Into<String>) -> Self {
        self.author = Some(text.into().to_ascii_lowercase());
        self
    }

    /// Asks for plugins that require a permission.
    #[must_use]
    pub fn permission(mut self, permission: impl Into<String>) -> Self {
        self.permission = Some(permission.into());
        self
    }

    /// Asks for a status.
    #[must_use]
    pub fn status(mut self, status: Status) -> Self {
        self.status = Some(status);
        self
    }

    /// Asks for an action of this name.
    #[must_use]
    pub fn action(mut self, name: impl Into<String>) -> Self {
        self.action.name = Some(name.into());
        self
    }

    /// Asks for an action that returns a stream, or for one that does not.
    #[must_use]
    pub fn streaming(mut self, streaming: bool) -> Self {
        self.action.streaming = Some(streaming);
        self
    }

    /// Asks for an action that reports progress, or for one that does not.
    #[must_use]
    pub fn progress(mut self, progress: bool) -> Self {
        self.action.progress = Some(progress);
        self
    }

    /// Asks for an action whose stream has a content type, such as `text/csv` or `text/*`.
    ///
    /// Parameters such as `; charset=utf-8` do not count.
    #[must_use]
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.action.content_type = Some(content_type.into());
        self
    }

    /// Looks at the newest version of each plugin alone, among those of the status asked for.
    ///
    /// A pre-release is the newest only where there is no stable version.
    #[must_use]
    pub fn newest(mut self) -> Self {
        self.newest = true;
        self
    }

    pub(crate) fn run<'a>(&self, entries: &'a [Entry]) -> Vec<&'a Entry> {
        let mut found = Vec::new();
        for plugin in entries.chunk_by(|one, other| same_plugin(one.id(), other.id())) {
            let mut candidates: Vec<_> = plugin.iter().filter(|entry| self.has_status(entry)).collect();
            if self.newest {
                let stable = candidates.iter().find(|entry| entry.version().is_some_and(|one| !one.is_prerelease()));
                candidates = stable.or(candidates.first()).copied().into_iter().collect();
            }
            found.extend(candidates.into_iter().filter(|entry| self.matches(entry)));
        }
        found
    }

    fn has_status(&self, entry: &Entry) -> bool {
        self.status.is_none_or(|status| entry.status() == status)
    }

    fn matches(&self, entry: &Entry) -> bool {
        // Without a manifest, only a query that asks nothing of it can match.
        entry.summary().map_or_else(|| self.asks_nothing(), |summary| self.matches_summary(summary))
    }

    fn asks_nothing(&self) -> bool {
        self.tag.is_none() && self.author.is_none() && self.permission.is_none() && self.action.asks_nothing()
    }

    fn matches_summary(&self, summary: &Summary) -> bool {
        let (Self { tag, author, permission, action, .. }, summary) = (self, summary.details());
        tag.as_ref().is_none_or(|tag| summary.tags.iter().any(|one| one.eq_ignore_ascii_case(tag)))
            && author.as_ref().is_none_or(|author| summary.author.to_ascii_lowercase().contains(author))
            && permission.as_ref().is_none_or(|permission| summary.permissions.contains(permission))
            && (action.asks_nothing() || summary.actions.iter().any(|one| action.matches(one)))
    }
}

impl ActionQuery {
    fn asks_nothing(&self) -> bool {
        let Self { name, streaming, progress, content_type } = self;
        name.is_none() && streaming.is_none() && progress.is_none() && content_type.is_none()
    }

    fn matches(&self, action: &ActionSummary) -> bool {
        let Self { name, streaming, progress, content_type } = self;
        name.as_ref().is_none_or(|name| action.name == *name)
            && streaming.is_none_or(|streaming| action.returns_stream == streaming)
            && progress.is_none_or(|progress| action.reports_progress == progress)
            && content_type.as_ref().is_none_or(|wanted| streams(action, wanted))
    }
}

fn streams(action: &ActionSummary, wanted: &str) -> bool {
    let content_type = action.content_type.as_ref();
    action.returns_stream && content_type.is_some_and(|content_type| media_type_matches(content_type, wanted))
}

/// Compares media types after RFC 9110, section 8.3.1, without their parameters; `text/*` wants any text.
fn media_type_matches(content_type: &str, wanted: &str) -> bool {
    let essence = |text: &str| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let (content_type, wanted) = (essence(content_type), essence(wanted));
    match wanted.strip_suffix('*') {
        Some(prefix) if prefix.ends_with('/') => content_type.starts_with(prefix),
        _ => content_type == wanted,
    }
}

/// Finds without an id have nothing in common.
fn same_plugin(one: Option<&PluginId>, other: Option<&PluginId>) -> bool {
    one.is_some() && one == other
}
