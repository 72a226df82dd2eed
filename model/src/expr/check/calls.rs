//! Calls: a name, its target and its arguments find a function.

use super::{Checked, Checker, Typed, folded};
use crate::expr::Type;
use crate::expr::functions::{Param, Signature, signatures};
use crate::expr::ir::Ir;
use crate::expr::parse::{Kind, Node};
use crate::expr::types::nearest;

/// Prefixes of function names, where no variable has the name.
const NAMESPACES: [&str; 3] = ["math", "lists", "strings"];

/// A call as it is written.
pub(super) struct Call<'n> {
    pub node: &'n Node,
    pub name: &'n str,
    /// The value that a method is called on.
    pub target: Option<&'n Node>,
    /// The arguments, the target first.
    pub args: Vec<&'n Node>,
}

impl Checker<'_> {
    pub(super) fn call(
        &mut self,
        node: &Node,
        name: &str,
        target: Option<&Node>,
        args: &[Node],
    ) -> Checked {
        let space = match target.map(|t| &t.kind) {
            Some(Kind::Ident(space))
                if NAMESPACES.contains(&space.as_str()) && !self.is_variable(space) =>
            {
                Some(space)
            }
            _ => None,
        };
        let qualified = space.map(|s| format!("{s}.{name}"));
        let name = qualified.as_deref().unwrap_or(name);
        let name = name.strip_prefix('.').unwrap_or(name);
        let target = if space.is_some() { None } else { target };
        let args: Vec<&Node> = target.into_iter().chain(args).collect();
        let call = Call { node, name, target, args };
        if let Some(checked) = self.special(&call) {
            return checked;
        }
        self.simple(&call)
    }

    fn is_variable(&self, name: &str) -> bool {
        self.slot(name).is_some() || self.locals.iter().any(|l| l.name == name)
    }

    /// A function of the table.
    fn simple(&mut self, call: &Call<'_>) -> Checked {
        let named: Vec<&Signature> = signatures().filter(|s| s.name == call.name).collect();
        if named.is_empty() {
            return self.unknown_function(call);
        }
        let method = call.target.is_some();
        let styled: Vec<&Signature> =
            named.iter().copied().filter(|s| s.method == method).collect();
        if styled.is_empty() {
            let hint = if method {
                format!("write `{}(x)`", call.name)
            } else {
                format!("write `x.{}(…)`", call.name)
            };
            let message = format!("`{}` is not called this way", call.name);
            return self.report(call.node.at, message, Some(hint));
        }
        let args = self.present_args(call)?;
        let count = args.len();
        let fitting = styled.iter().find(|s| {
            s.params.len() == count && s.params.iter().zip(&args).all(|(p, a)| p.takes(&a.ty))
        });
        match fitting {
            Some(signature) => {
                let ty = signature.result(args.first().map(|a| &a.ty));
                let args = args.into_iter().map(|a| a.ir).collect();
                Some(folded(Ir::Call(signature.builtin(), args), ty))
            }
            None => self.refuse_args(call, &styled, &args),
        }
    }

    /// All arguments, none of which may be null.
    pub(super) fn present_args(&mut self, call: &Call<'_>) -> Option<Vec<Typed>> {
        let args: Vec<Checked> = call.args.iter().map(|a| self.present(a)).collect();
        args.into_iter().collect()
    }

    fn refuse_args(
        &mut self,
        call: &Call<'_>,
        signatures: &[&Signature],
        args: &[Typed],
    ) -> Checked {
        let ways: Vec<String> = signatures.iter().map(|s| usage(s)).collect();
        let given: Vec<String> = args.iter().map(|a| a.ty.name()).collect();
        let message = format!("`{}` can't take ({})", call.name, given.join(", "));
        let has = |wanted: &Type| args.iter().any(|a| a.ty == *wanted);
        let wants_double = signatures.iter().all(|s| s.params.contains(&Param::Double));
        let hint = if wants_double && has(&Type::Int) {
            format!("convert with `double(x)`: {}", ways.join(", or "))
        } else {
            format!("it is called as {}", ways.join(", or "))
        };
        self.report(call.node.at, message, Some(hint))
    }

    fn unknown_function(&mut self, call: &Call<'_>) -> Checked {
        let names = || signatures().map(|s| s.name).chain(super::special::NAMES);
        let hint = match call.name {
            "uint" => Some("integers are int: leave out `uint`".to_owned()),
            "len" | "length" | "count" => Some("did you mean `size`?".to_owned()),
            "now" => Some("`now` is a variable: leave out the brackets".to_owned()),
            "avg" | "average" => Some("divide a `sum` by a `size`".to_owned()),
            "type" => Some("types are known when the folder is loaded".to_owned()),
            name => match nearest(name, names()) {
                Some(near) => Some(format!("did you mean `{near}`?")),
                None => relatives(name, names()).map(|list| format!("there is {list}")),
            },
        };
        // What is wrong inside is told at once.
        for arg in &call.args {
            let _ = self.node(arg);
        }
        self.report(call.node.at, format!("unknown function `{}`", call.name), hint)
    }
}

/// `x.substring(int, int)`.
fn usage(signature: &Signature) -> String {
    let skip = usize::from(signature.method);
    let params: Vec<&str> = signature.params.iter().skip(skip).map(|p| p.name()).collect();
    let target = match signature.params.first() {
        Some(first) if signature.method => format!("{}.", first.name()),
        _ => String::new(),
    };
    format!("`{target}{}({})`", signature.name, params.join(", "))
}

/// The functions of the same family, such as `math.`.
fn relatives<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
    let (family, _) = name.split_once('.')?;
    let mut relatives: Vec<&str> =
        names.filter(|known| known.split_once('.').is_some_and(|(of, _)| of == family)).collect();
    relatives.dedup();
    (!relatives.is_empty()).then(|| relatives.join(", "))
}
