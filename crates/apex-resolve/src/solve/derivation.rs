//! From the solver's tree of causes to sentences.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    ptr,
};

use apex_meta::PluginDependency;
use pubgrub::{Derived, External, Term, VersionSet};

use super::{
    set::Set,
    words,
    world::{ABSENT, Node, ROOT, Tree, World},
};

/// A derivation that is being told.
pub(super) struct Derivation<'w, 'a> {
    world: &'w World<'a>,
    /// Every plugin that was named.
    pub(super) nodes: BTreeSet<Node>,
    /// What was given, each once.
    pub(super) facts: Vec<String>,
    known: HashSet<String>,
    /// What follows from what.
    pub(super) sentences: Vec<String>,
    /// The sentence that concludes a step, by the step's place in memory, counted from 1.
    told: HashMap<*const Step, usize>,
    /// Whether a sentence is referred to by its number, and so must carry it.
    numbered: BTreeSet<usize>,
}

type Step = Derived<Node, Set, String>;

impl<'w, 'a> Derivation<'w, 'a> {
    pub(super) fn new(world: &'w World<'a>) -> Self {
        Self {
            world,
            nodes: BTreeSet::new(),
            facts: Vec::new(),
            known: HashSet::new(),
            sentences: Vec::new(),
            told: HashMap::new(),
            numbered: BTreeSet::new(),
        }
    }

    /// Tells a tree, causes before what they lead to; without recursion, since it may be as deep as there are plugins.
    pub(super) fn tell(&mut self, tree: &Tree) {
        let mut open = vec![(essence(tree), false)];
        while let Some((tree, are_causes_told)) = open.pop() {
            match tree {
                Tree::External(external) => {
                    let fact = self.fact(external);
                    self.sentences.push(format!("{}.", capitalized(&fact)));
                }
                Tree::Derived(step) if self.told.contains_key(&ptr::from_ref(step)) => {}
                Tree::Derived(step) if are_causes_told => self.conclude(step),
                Tree::Derived(step) => {
                    open.push((tree, true));
                    let derived = [&step.cause2, &step.cause1].into_iter().map(|cause| essence(cause));
                    open.extend(derived.filter(|cause| matches!(cause, Tree::Derived(_))).map(|cause| (cause, false)));
                }
            }
        }
        for number in std::mem::take(&mut self.numbered) {
            if let Some(sentence) = self.sentences.get_mut(number - 1) {
                *sentence = format!("({number}) {sentence}");
            }
        }
    }

    fn conclude(&mut self, step: &Step) {
        let last = self.sentences.len();
        let (mut continues, mut causes) = (false, Vec::new());
        for cause in [essence(&step.cause1), essence(&step.cause2)] {
            match cause {
                Tree::External(external) => causes.push(self.fact(external)),
                Tree::Derived(earlier) => match self.told.get(&ptr::from_ref(earlier)) {
                    Some(&number) if number == last => continues = true,
                    Some(&number) => {
                        self.numbered.insert(number);
                        causes.push(format!("{} ({number})", self.conclusion(earlier)));
                    }
                    None => causes.push(self.conclusion(earlier)),
                },
            }
        }
        let conclusion = self.conclusion(step);
        let sentence = match (continues, causes.is_empty()) {
            (true, true) => format!("So {conclusion}."),
            (true, false) => format!("And because {}, {conclusion}.", causes.join(" and ")),
            (false, _) => format!("Because {}, {conclusion}.", causes.join(" and ")),
        };
        self.sentences.push(sentence);
        self.told.insert(ptr::from_ref(step), self.sentences.len());
    }

    /// Something that was given, which is noted down as such.
    fn fact(&mut self, external: &External<Node, Set, String>) -> String {
        let fact = match external {
            External::NotRoot(..) | External::NoVersions(..) => return String::new(),
            External::Custom(node, set, why) => {
                self.nodes.insert(*node);
                format!("{} {why}", words::plugin_in(self.world, *node, set))
            }
            External::FromDependencyOf(node, set, needed, serving) => {
                self.nodes.extend([*node, *needed]);
                self.dependency(*node, set, *needed, serving)
            }
        };
        if self.known.insert(fact.clone()) {
            self.facts.push(fact.clone());
        }
        fact
    }

    fn dependency(&self, node: Node, set: &Set, needed: Node, serving: &Set) -> String {
        let Some(plugin) = self.world.plugin(needed) else { return String::new() };
        let (written, is_signed) = self.written(node, set, needed);
        let specifiers: Vec<_> = written.iter().filter_map(|wanted| wanted.version_specifier.as_ref()).collect();
        let texts: BTreeSet<_> = specifiers.iter().map(|specifier| specifier.as_str().to_owned()).collect();
        let texts: Vec<_> = texts.into_iter().collect();
        let what =
            if texts.is_empty() { plugin.id.to_string() } else { format!("{} {}", plugin.id, texts.join(" or ")) };
        let verb = match (node == ROOT, serving.contains(&ABSENT)) {
            (true, _) => "you ask for",
            (false, true) => "can use only",
            (false, false) => "needs",
        };
        let who = if node == ROOT { String::new() } else { format!("{} ", words::plugin_in(self.world, node, set)) };
        let matches = |version: &u32| {
            plugin.release(*version).is_some_and(|release| {
                specifiers.is_empty() || specifiers.iter().any(|s| s.matches(release.version.as_semver()))
            })
        };
        let remark = self.remark(node, needed, serving, is_signed, matches);
        format!("{who}{verb} {what}{remark}")
    }

    /// What is to be known of the versions that a dependency could mean.
    fn remark(
        &self,
        node: Node,
        needed: Node,
        serving: &Set,
        is_signed: bool,
        matches: impl Fn(&u32) -> bool,
    ) -> String {
        let Some(plugin) = self.world.plugin(needed) else { return String::new() };
        if plugin.releases().next().is_none() {
            return " (which is not there)".to_owned();
        }
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for (number, release) in (1_u32..).zip(plugin.releases()).filter(|(number, _)| matches(number)) {
            if serving.contains(&number) {
                good.push(release.version.to_string());
            } else if !release.is_ready() {
                bad.push(format!("{} is {}", release.version, words::unfit(release)));
            } else if is_signed && !release.vouched() {
                bad.push(format!("{} will not do, since {}", release.version, words::NOT_VOUCHED));
            }
        }
        if good.is_empty() && bad.is_empty() {
            let there: Vec<_> = plugin.releases().map(|release| release.version.to_string()).collect();
            return format!(" (but there is only {})", words::list(&there));
        }
        if node == ROOT && bad.is_empty() {
            return String::new();
        }
        let good = if good.is_empty() { Vec::new() } else { vec![words::list(&good)] };
        format!(" ({})", [good, bad].concat().join("; "))
    }

    /// How a dependency was written by those who have it, and whether one of them is signed.
    fn written(&self, node: Node, set: &Set, needed: Node) -> (Vec<PluginDependency>, bool) {
        if node == ROOT {
            let requests = self.world.requests.iter();
            let asked = requests.filter(|request| self.world.node(&request.plugin) == Some(needed));
            let as_dependency = asked.map(|request| PluginDependency {
                id: request.plugin.clone(),
                version_specifier: request.specifier.clone(),
                description: None,
                optional: false,
                extensions: serde_json::Map::new(),
            });
            return (as_dependency.collect(), false);
        }
        let Some(plugin) = self.world.plugin(node) else { return (Vec::new(), false) };
        let (mut written, mut is_signed) = (Vec::new(), false);
        for version in plugin.choices().filter(|version| set.contains(version)) {
            let to_it = |dependency: &&PluginDependency| self.world.node(&dependency.id) == Some(needed);
            written.extend(self.world.dependencies(node, version).iter().filter(to_it).cloned());
            is_signed |= plugin.release(version).is_some_and(|release| release.publisher.is_some());
        }
        (written, is_signed)
    }

    /// What a step leads to.
    fn conclusion(&self, step: &Step) -> String {
        let mut terms: Vec<_> = step.terms.iter().filter(|(node, _)| **node != ROOT).collect();
        terms.sort_by_key(|(node, term)| (matches!(term, Term::Negative(_)), **node));
        let name = |node: &Node, set: &Set| words::plugin_in(self.world, *node, set);
        match terms.as_slice() {
            [] => "there is no solution".to_owned(),
            [(node, Term::Positive(set))] => format!("{} cannot be had", name(node, set)),
            [(node, Term::Negative(set))] => format!("{} is needed", name(node, set)),
            [(by, Term::Positive(set)), (node, Term::Negative(needed))] => {
                let verb = if needed.contains(&ABSENT) { "can use only" } else { "needs" };
                format!("{} {verb} {}", name(by, set), name(node, needed))
            }
            terms => {
                let texts: Vec<_> = terms
                    .iter()
                    .map(|(node, term)| match term {
                        Term::Positive(set) => name(node, set),
                        Term::Negative(set) => format!("anything but {}", name(node, set)),
                    })
                    .collect();
                format!("{} do not go together", texts.join(" and "))
            }
        }
    }
}

/// What a tree says, without the solver's remarks that there are no versions but those that there are.
fn essence(mut tree: &Tree) -> &Tree {
    while let Tree::Derived(step) = tree {
        let is_remark =
            |cause: &Tree| matches!(cause, Tree::External(External::NoVersions(..) | External::NotRoot(..)));
        tree = match (is_remark(&step.cause1), is_remark(&step.cause2)) {
            (true, _) => &step.cause2,
            (false, true) => &step.cause1,
            (false, false) => break,
        };
    }
    tree
}

fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
