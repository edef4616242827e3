//! A Rust file as a list of items, each with a key by which it is found again in a changed copy of the file.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Block, ImplItem, Item, ReturnType, Signature, TraitItem, UseTree};

/// Where an item is: the modules, implementations and traits around it, from the outside in. Empty for the file itself.
pub type Container = Vec<String>;

/// The container of an item, and its name there.
pub type Key = (Container, String);

/// A file, taken apart.
#[derive(Debug, Default)]
pub struct Items {
    /// The items, by their keys.
    pub items: BTreeMap<Key, Parts>,
    /// The paths that are imported, by the container that they are imported into.
    pub imports: BTreeSet<(Container, String)>,
    /// Where each container ends: the byte before which one more item may be put.
    pub ends: BTreeMap<Container, usize>,
}

/// What is known of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// Its tokens without documentation, and without its body if it is a function.
    pub head: String,
    /// The tokens of that body.
    pub body: String,
    /// The bytes of that body, braces included, if it may be one of several.
    pub switched: Option<Range<usize>>,
    /// All its bytes.
    pub whole: Range<usize>,
    /// Whether it changes nothing as long as it is not named: it is not a part of a trait's implementation.
    pub is_idle: bool,
}

impl Items {
    /// Takes a file's text apart.
    pub fn read(text: &str) -> Result<Self, syn::Error> {
        let file = syn::parse_file(text)?;
        let mut items = Self::default();
        items.ends.insert(Container::new(), text.len());
        items.read_all(&Container::new(), &file.items);
        Ok(items)
    }

    fn read_all(&mut self, container: &Container, all: &[Item]) {
        for item in all {
            match item {
                Item::Fn(item) => self.function(container, item, &item.sig, &item.block, true),
                Item::Impl(block) => self.implementation(container, block),
                Item::Trait(block) => self.definition(container, block),
                Item::Mod(module) => self.module(container, module),
                Item::Use(import) => {
                    let mut leaves = BTreeSet::new();
                    flatten(&import.tree, &format!("{} use ", bare(&import.vis)), &mut leaves);
                    self.imports.extend(leaves.into_iter().map(|leaf| (container.clone(), leaf)));
                }
                other => self.add(container, &name(other), plain(other, true)),
            }
        }
    }

    fn implementation(&mut self, container: &Container, block: &syn::ItemImpl) {
        let is_idle = block.trait_.is_none();
        let inside = self.enter(container, head(block), block.brace_token.span.close());
        for item in &block.items {
            match item {
                ImplItem::Fn(item) => self.function(&inside, item, &item.sig, &item.block, is_idle),
                other => self.add(&inside, &bare(other), plain(other, is_idle)),
            }
        }
    }

    fn definition(&mut self, container: &Container, block: &syn::ItemTrait) {
        let inside = self.enter(container, head(block), block.brace_token.span.close());
        for item in &block.items {
            match item {
                TraitItem::Fn(item) if let Some(body) = &item.default => {
                    self.function(&inside, item, &item.sig, body, false);
                }
                other => self.add(&inside, &bare(other), plain(other, false)),
            }
        }
    }

    /// A module with its items in the same file. Tests are not built into what the checks run.
    fn module(&mut self, container: &Container, module: &syn::ItemMod) {
        let is_for_tests = module.attrs.iter().any(|attribute| bare(attribute) == "# [cfg (test)]");
        match &module.content {
            _ if is_for_tests => {}
            Some((brace, items)) => {
                let inside = self.enter(container, head(module), brace.span.close());
                self.read_all(&inside, items);
            }
            None => self.add(container, &bare(module), plain(module, false)),
        }
    }

    /// Enters a container. Of several with the same head, such as two `impl Log`, each is one of its own.
    fn enter(&mut self, container: &Container, head: String, end: Span) -> Container {
        let mut numbered = (0..).map(|number| [container.as_slice(), &[format!("{head}#{number}")]].concat());
        let inside = numbered.find(|inside| !self.ends.contains_key(inside)).expect("there is always another number");
        self.ends.insert(inside.clone(), end.byte_range().start);
        inside
    }

    fn function(
        &mut self,
        container: &Container,
        item: &(impl ToTokens + Spanned),
        signature: &Signature,
        body: &Block,
        is_idle: bool,
    ) {
        let switched = may_have_several_bodies(signature).then(|| body.span().byte_range());
        let parts = Parts { head: head(item), body: bare(body), switched, ..plain(item, is_idle) };
        self.add(container, &format!("fn {}", signature.ident), parts);
    }

    fn add(&mut self, container: &Container, name: &str, parts: Parts) {
        self.items.insert((container.clone(), name.to_owned()), parts);
    }
}

/// An item without a body, or with one that is no function's.
fn plain(item: &(impl ToTokens + Spanned), is_idle: bool) -> Parts {
    Parts { head: bare(item), body: String::new(), switched: None, whole: item.span().byte_range(), is_idle }
}

/// What a `match` chooses a body at run time for: neither what runs while compiling nor what returns a type without a name, which
/// would be another one in each arm.
fn may_have_several_bodies(signature: &Signature) -> bool {
    let nameless = match &signature.output {
        ReturnType::Default => false,
        ReturnType::Type(_, result) => bare(result).split(' ').any(|word| word.trim_matches(['(', '<', '&']) == "impl"),
    };
    signature.constness.is_none() && !nameless
}

fn name(item: &Item) -> String {
    match item {
        Item::Const(item) => format!("const {}", item.ident),
        Item::Static(item) => format!("static {}", item.ident),
        Item::Enum(item) => format!("type {}", item.ident),
        Item::Struct(item) => format!("type {}", item.ident),
        Item::Type(item) => format!("type {}", item.ident),
        other => bare(other),
    }
}

/// The paths that an import brings in, each spelled out: `use a::{b, c as d}` are `use a::b` and `use a::c as d`.
fn flatten(tree: &UseTree, before: &str, leaves: &mut BTreeSet<String>) {
    match tree {
        UseTree::Path(path) => flatten(&path.tree, &format!("{before}{}::", path.ident), leaves),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, before, leaves)),
        leaf => {
            leaves.insert(format!("{before}{};", bare(leaf)));
        }
    }
}

/// The tokens of an item without documentation and without its last pair of braces, which is its body.
fn head(item: &impl ToTokens) -> String {
    let mut trees: Vec<TokenTree> = item.to_token_stream().into_iter().collect();
    trees.pop_if(|tree| matches!(tree, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace));
    bare(&trees.into_iter().collect::<TokenStream>())
}

/// The tokens of a piece of code without its documentation. Other comments are no tokens.
fn bare(code: &impl ToTokens) -> String {
    undocumented(code.to_token_stream()).to_string()
}

fn undocumented(tokens: TokenStream) -> TokenStream {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let mut kept = Vec::new();
    let mut rest = &trees[..];
    while let [first, after @ ..] = rest {
        rest = match after {
            [second, after @ ..] if is_punct(first, '#') && is_doc(second) => after,
            [second, third, after @ ..] if is_punct(first, '#') && is_punct(second, '!') && is_doc(third) => after,
            _ => {
                kept.push(match first {
                    TokenTree::Group(group) => {
                        TokenTree::Group(proc_macro2::Group::new(group.delimiter(), undocumented(group.stream())))
                    }
                    other => other.clone(),
                });
                after
            }
        };
    }
    kept.into_iter().collect()
}

fn is_punct(tree: &TokenTree, wanted: char) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

fn is_doc(tree: &TokenTree) -> bool {
    let TokenTree::Group(group) = tree else { return false };
    matches!(group.stream().into_iter().next(), Some(TokenTree::Ident(ident)) if ident == "doc")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
//! Essay.
use std::fmt::{self, Debug as D};

/// A log.
struct Log {
    /// Where it begins.
    first: u64,
}

impl Log {
    /// Its length.
    fn length(&self) -> u64 { 1 }
    const fn first() -> u64 { 2 }
    fn all(&self) -> Option<impl Iterator<Item = u64>> { Some([1].into_iter()) }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result { Ok(()) }
}

#[cfg(test)]
mod tests { fn is_left_out() {} }
";

    fn item(name: &str) -> Parts {
        let items = Items::read(FILE).unwrap();
        let of_name = |((_, other), _): &(&Key, &Parts)| other == name;
        items.items.iter().find(of_name).unwrap_or_else(|| panic!("{items:?}")).1.clone()
    }

    #[test]
    fn a_file_is_taken_apart() {
        let items = Items::read(FILE).unwrap();
        let names: Vec<&str> = items.items.keys().map(|(_, name)| &**name).collect();
        assert_eq!(names, ["type Log", "fn all", "fn first", "fn length", "fn fmt"]);
        let imports: Vec<&str> = items.imports.iter().map(|(_, leaf)| &**leaf).collect();
        assert_eq!(imports, [" use std::fmt::Debug as D;", " use std::fmt::self;"]);
        let ends: Vec<&str> = items.ends.values().map(|end| &FILE[*end..]).collect();
        assert!(ends[0].is_empty() && ends[1].starts_with("}\n\nimpl fmt::Debug"), "{ends:?}");
    }

    #[test]
    fn documentation_is_no_part_of_an_item() {
        assert_eq!(item("type Log").head, "struct Log { first : u64 , }");
        assert_eq!(item("fn length").head, "fn length (& self) -> u64");
    }

    #[test]
    fn a_body_is_switched_where_that_is_possible() {
        assert_eq!(item("fn length").switched.map(|body| &FILE[body]), Some("{ 1 }"));
        assert_eq!(item("fn first").switched, None);
        assert_eq!(item("fn all").switched, None);
    }

    #[test]
    fn what_a_trait_knows_is_never_idle() {
        assert!(item("fn length").is_idle);
        assert!(!item("fn fmt").is_idle);
    }
}
