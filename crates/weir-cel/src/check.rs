//! The checker: checks names, fields and types of an expression before any entity exists, and weaves in the meter.

use std::{collections::BTreeMap, panic::AssertUnwindSafe};

use cel::{
    IdedExpr,
    common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators as op},
    common::types::CelInt,
    parser::PrattParser,
};

use crate::{
    DEEPEST, Dialect, LONGEST, MOST_NODES, Problem, Type,
    functions::{MATCHES, signatures},
    meter::{AMONG, COPY, METER, Pattern, SAME, WALK},
};

/// The largest memory of a compiled regular expression, in bytes.
const LARGEST_PATTERN: usize = 1 << 18;

/// The names that an expression may use.
#[derive(Clone, Debug)]
pub struct Scope {
    dialect: &'static Dialect,
    names: BTreeMap<&'static str, Type>,
}

impl Scope {
    /// A scope with these values, each by its name and type.
    pub fn new(dialect: &'static Dialect, names: impl IntoIterator<Item = (&'static str, Type)>) -> Self {
        Self { dialect, names: names.into_iter().collect() }
    }

    /// Returns the type of the value with that name.
    pub fn get(&self, name: &str) -> Option<&Type> {
        self.names.get(name)
    }

    /// Returns the dialect of the expressions.
    pub fn dialect(&self) -> &'static Dialect {
        self.dialect
    }

    /// Returns a suggestion for a wrong name.
    fn closest<'k>(&self, wrong: &str, mut known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
        (self.dialect.closest)(wrong, &mut known)
    }
}

/// An expression that can be evaluated.
#[derive(Debug)]
pub struct Expression {
    pub(crate) tree: IdedExpr,
    pub(crate) patterns: Vec<Pattern>,
    /// The type of its value.
    pub gives: Type,
}

/// The `variables` of a policy: parsed, and filled in wherever an expression uses them.
#[derive(Debug, Default)]
pub struct Variables(BTreeMap<String, IdedExpr>);

impl Variables {
    /// Adds a variable, which may use those before it.
    pub fn add(&mut self, name: &str, text: &str, scope: &Scope) -> Result<(), Problem> {
        let plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !plain {
            return Err(Problem::new(format!("`{name}` cannot name a variable"))
                .help("a name begins with a letter, and has letters, digits and underscores"));
        }
        if self.0.contains_key(name) {
            return Err(Problem::new(format!("there are two variables `{name}`")));
        }
        // Checked on its own, so that a mistake is reported where the variable is written.
        Expression::new(text, scope, self)?;
        self.0.insert(name.to_owned(), parse(text)?);
        Ok(())
    }
}

impl Expression {
    /// Checks an expression.
    pub fn new(text: &str, scope: &Scope, variables: &Variables) -> Result<Self, Problem> {
        let mut tree = parse(text)?;
        let mut checker =
            Checker { scope, variables, local: Vec::new(), loops: 0, nodes: 0, depth: 0, patterns: Vec::new() };
        let gives = checker.expression(&mut tree).map_err(|problem| problem.within(text))?;
        Ok(Self { tree, patterns: checker.patterns, gives })
    }

    /// Checks an expression that must give a value of the type `wanted`.
    pub fn giving(wanted: &Type, text: &str, scope: &Scope, variables: &Variables) -> Result<Self, Problem> {
        let expression = Self::new(text, scope, variables)?;
        if expression.gives.meets(wanted) {
            Ok(expression)
        } else {
            Err(Problem::new(format!("the expression gives {}, not {wanted}", expression.gives)))
        }
    }
}

/// Compiles a pattern that must match a whole text, or only a part of it.
pub fn pattern(text: &str, whole: bool) -> Result<regex::Regex, Problem> {
    if text.len() > LONGEST {
        return Err(Problem::new(format!("a pattern has at most {LONGEST} bytes")));
    }
    let built = if whole { format!("^(?:{text})$") } else { text.to_owned() };
    let limits = |text: &str| {
        regex::RegexBuilder::new(text)
            .size_limit(LARGEST_PATTERN)
            .dfa_size_limit(LARGEST_PATTERN)
            .nest_limit(50)
            .build()
    };
    // Compiled first without the added parentheses, so that unbalanced parentheses are found.
    limits(text).and_then(|plain| if whole { limits(&built) } else { Ok(plain) }).map_err(|err| match err {
        regex::Error::CompiledTooBig(_) => Problem::new("the pattern is too large").help("repeat less"),
        regex::Error::Syntax(why) => {
            let why = why.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
            Problem::new(format!("`{text}` is no pattern: {}", why.trim_start_matches("error: ").trim()))
        }
        other => Problem::new(format!("`{text}` is no pattern: {other}")),
    })
}

fn parse(text: &str) -> Result<IdedExpr, Problem> {
    if text.trim().is_empty() {
        return Err(Problem::new("the expression is empty"));
    }
    if text.len() > LONGEST {
        return Err(Problem::new(format!("the expression has {} bytes, at most {LONGEST} are read", text.len())));
    }
    let parser = PrattParser::default()
        .max_recursion_depth(DEEPEST as u16)
        .max_expression_node_count(4 * MOST_NODES)
        .error_recovery_limit(1)
        .enable_optional_syntax(true);
    // The parser is foreign code: if the parser panics, the text gets a problem and the run goes on.
    let parsed = std::panic::catch_unwind(AssertUnwindSafe(|| parser.parse(text)))
        .map_err(|_| Problem::new("the expression cannot be read"))?;
    let tree = parsed.map_err(|errors| {
        match errors.errors.iter().find(|error| error.pos.0 > 0).or(errors.errors.first()) {
            Some(error) => {
                let message = error.msg.trim_start_matches("Syntax error: ");
                let message = message.lines().next().unwrap_or_default();
                match error.pos {
                    (line, column) if line > 0 => {
                        let before = text.split_inclusive('\n').take(line as usize - 1).map(str::len).sum::<usize>();
                        let at = (before + (column.max(1) as usize - 1)) as u32;
                        Problem {
                            at: Some((at, at)),
                            ..Problem::new(format!("the expression cannot be read: {message}"))
                        }
                    }
                    _ => Problem::new(format!("the expression cannot be read: {message}")),
                }
            }
            None => Problem::new("the expression cannot be read"),
        }
    })?;
    if depth(&tree) > DEEPEST {
        return Err(too_deep());
    }
    Ok(tree)
}

fn too_deep() -> Problem {
    Problem::new(format!("the expression is nested more than {DEEPEST} levels deep"))
        .help("split it into several validations")
}

/// Returns the depth of a tree, without recursion.
fn depth(tree: &IdedExpr) -> usize {
    let (mut open, mut deepest) = (vec![(tree, 1)], 0);
    while let Some((node, at)) = open.pop() {
        deepest = deepest.max(at);
        if deepest > DEEPEST {
            break;
        }
        let mut push = |node| open.push((node, at + 1));
        match &node.expr {
            Expr::Call(call) => call.target.iter().map(|target| &**target).chain(&call.args).for_each(push),
            Expr::Comprehension(c) => {
                // For the author of an expression, a macro is one level.
                [&c.iter_range, &c.accu_init, &c.loop_cond, &c.result, &c.loop_step].into_iter().for_each(push);
            }
            Expr::List(list) => list.elements.iter().for_each(push),
            Expr::Map(map) => {
                for entry in &map.entries {
                    match &entry.expr {
                        EntryExpr::MapEntry(entry) => [&entry.key, &entry.value].into_iter().for_each(&mut push),
                        EntryExpr::StructField(field) => push(&field.value),
                    }
                }
            }
            Expr::Select(select) => push(&select.operand),
            Expr::Struct(structure) => {
                for entry in &structure.entries {
                    match &entry.expr {
                        EntryExpr::MapEntry(entry) => [&entry.key, &entry.value].into_iter().for_each(&mut push),
                        EntryExpr::StructField(field) => push(&field.value),
                    }
                }
            }
            Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
        }
    }
    deepest
}

struct Checker<'c> {
    scope: &'c Scope,
    variables: &'c Variables,
    /// The names that loops introduce, innermost last.
    local: Vec<(String, Type)>,
    /// The number of loops around the current node.
    loops: usize,
    nodes: usize,
    depth: usize,
    patterns: Vec<Pattern>,
}

/// The deepest nesting of loops.
const MOST_LOOPS: usize = 3;

impl Checker<'_> {
    fn expression(&mut self, node: &mut IdedExpr) -> Result<Type, Problem> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(Problem::new(format!("the expression is made of more than {MOST_NODES} parts"))
                .help("split it into several validations"));
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(too_deep());
        }
        let found = self.kind(node);
        self.depth -= 1;
        found
    }

    fn kind(&mut self, node: &mut IdedExpr) -> Result<Type, Problem> {
        if let Some(variable) = self.variable(&node.expr)? {
            *node = variable;
            // A variable sees the scope of the policy, but not the loop around its use.
            let local = std::mem::take(&mut self.local);
            let found = self.expression(node);
            self.local = local;
            return found;
        }
        match &mut node.expr {
            Expr::Literal(literal) => Ok(match literal {
                LiteralValue::Boolean(_) => Type::Bool,
                LiteralValue::Double(_) => Type::Double,
                LiteralValue::Int(_) | LiteralValue::UInt(_) => Type::Int,
                LiteralValue::Null => Type::Null,
                LiteralValue::String(_) => Type::Text,
                LiteralValue::Bytes(_) => return Err(Problem::new("bytes are not used in policies")),
            }),
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => {
                let of = self.expression(&mut select.operand)?;
                let field = of.field(&select.field, self.scope.dialect)?;
                Ok(if select.test { Type::Bool } else { field })
            }
            Expr::List(list) => {
                let mut of = Type::Never;
                for (at, item) in list.elements.iter_mut().enumerate() {
                    let mut found = self.copied(item)?;
                    if let (true, Type::Optional(inner)) = (list.optional_indices.contains(&at), &found) {
                        found = (**inner).clone();
                    }
                    of = of.either(found);
                }
                Ok(Type::list(of))
            }
            Expr::Map(map) => {
                let mut of = Type::Never;
                for entry in &mut map.entries {
                    let EntryExpr::MapEntry(entry) = &mut entry.expr else {
                        return Err(Problem::new("messages are not used in policies"));
                    };
                    if !self.expression(&mut entry.key)?.meets(&Type::Text) {
                        return Err(Problem::new("the keys of a mapping are text"));
                    }
                    of = of.either(self.copied(&mut entry.value)?);
                }
                Ok(Type::map(of))
            }
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Call(call) => self.call(call),
            Expr::Struct(_) => Err(Problem::new("messages are not used in policies")),
            Expr::Unspecified => Err(Problem::new("the expression is empty")),
        }
    }

    /// Returns the expression that `variables.NAME` stands for.
    fn variable(&self, expr: &Expr) -> Result<Option<IdedExpr>, Problem> {
        let Expr::Select(select) = expr else { return Ok(None) };
        if !matches!(&select.operand.expr, Expr::Ident(name) if name == "variables") {
            return Ok(None);
        }
        match self.variables.0.get(&select.field) {
            Some(_) if select.test => Err(Problem::new("a variable is always there: `has` is for fields")),
            Some(tree) => Ok(Some(tree.clone())),
            None => {
                let problem = Problem::new(format!("there is no variable `{}`", select.field)).about(&select.field);
                Err(match self.scope.closest(&select.field, self.variables.0.keys().map(String::as_str)) {
                    Some(meant) => problem.help(format!("did you mean `{meant}`?")),
                    None => problem.help("a variable may use those above it"),
                })
            }
        }
    }

    fn name(&self, name: &str) -> Result<Type, Problem> {
        if let Some((_, found)) = self.local.iter().rev().find(|(local, _)| local == name) {
            return Ok(found.clone());
        }
        if let Some(found) = self.scope.get(name) {
            return Ok(found.clone());
        }
        let known = || self.local.iter().map(|(name, _)| name.as_str()).chain(self.scope.names.keys().copied());
        let problem = Problem::new(format!("there is no `{name}`")).about(name);
        Err(match self.scope.closest(name, known()) {
            Some(meant) => problem.help(format!("did you mean `{meant}`?")),
            None => {
                let known: Vec<_> = known().filter(|name| !name.starts_with('@')).map(|n| format!("`{n}`")).collect();
                problem.help(format!("there is {}", known.join(", ")))
            }
        })
    }

    /// The type of a node whose value is copied; the copy is charged.
    fn copied(&mut self, node: &mut IdedExpr) -> Result<Type, Problem> {
        let found = self.expression(node)?;
        if !found.is_small() && !matches!(node.expr, Expr::Literal(_)) {
            wrap(node, COPY, None);
        }
        Ok(found)
    }

    /// The type of an operand. In loops, the meter charges for reading the operand whole.
    fn operand(&mut self, node: &mut IdedExpr) -> Result<Type, Problem> {
        if self.loops > 0 && !matches!(&node.expr, Expr::Ident(name) if name.starts_with('@')) {
            self.copied(node)
        } else {
            self.expression(node)
        }
    }

    fn comprehension(&mut self, c: &mut ComprehensionExpr) -> Result<Type, Problem> {
        let range = self.expression(&mut c.iter_range)?;
        let item = match &range {
            Type::List(of) => (**of).clone(),
            Type::Map(_) | Type::Record(_) | Type::Entries(_) => Type::Text,
            Type::Any | Type::Never => Type::Any,
            other => {
                return Err(Problem::new(format!("a loop cannot run over {other}"))
                    .help("loops run over lists, and over the keys of mappings"));
            }
        };
        if self.scope.names.contains_key(c.iter_var.as_str()) || c.iter_var == "variables" || c.iter_var2.is_some() {
            return Err(
                Problem::new(format!("`{}` cannot be the variable of a loop", c.iter_var)).help("choose another name")
            );
        }
        if self.loops == MOST_LOOPS {
            return Err(Problem::new(format!("loops are nested more than {MOST_LOOPS} deep")));
        }
        let start = self.expression(&mut c.accu_init)?;
        let before = self.nodes;
        let outer = self.local.len();
        self.local.push((c.accu_var.clone(), start));
        self.local.push((c.iter_var.clone(), item));
        self.loops += 1;
        let inner = self.expression(&mut c.loop_cond).and_then(|_| self.expression(&mut c.loop_step));
        self.loops -= 1;
        self.local.truncate(outer);
        let inner = inner?;
        let each = self.nodes - before;
        wrap(&mut c.iter_range, WALK, Some(each));
        self.local.push((c.accu_var.clone(), inner));
        let result = self.expression(&mut c.result);
        self.local.truncate(outer);
        result
    }

    fn call(&mut self, call: &mut CallExpr) -> Result<Type, Problem> {
        if call.target.is_none()
            && let Some(found) = self.operator(call)?
        {
            return Ok(found);
        }
        self.function(call)
    }

    /// The type that an operator gives; `None` if the call is not an operator.
    fn operator(&mut self, call: &mut CallExpr) -> Result<Option<Type>, Problem> {
        let CallExpr { func_name, args, .. } = call;
        let found = match (func_name.as_str(), args.as_mut_slice()) {
            (op::LOGICAL_AND | op::LOGICAL_OR, args) => {
                for arg in args {
                    self.expect(&Type::Bool, arg)?;
                }
                Type::Bool
            }
            (op::LOGICAL_NOT, [arg]) => {
                self.expect(&Type::Bool, arg)?;
                Type::Bool
            }
            (op::NOT_STRICTLY_FALSE, [arg]) => {
                self.expression(arg)?;
                Type::Bool
            }
            (op::CONDITIONAL, [condition, yes, no]) => {
                self.expect(&Type::Bool, condition)?;
                let yes = self.expression(yes)?;
                yes.either(self.expression(no)?)
            }
            (op::EQUALS | op::NOT_EQUALS, [left, right]) => {
                let (a, b) = (self.expression(left)?, self.expression(right)?);
                if !a.meets(&b) {
                    return Err(Problem::new(format!("{a} is never equal to {b}")));
                }
                if !a.is_plain() || !b.is_plain() {
                    // The evaluator's own equality does not know the mappings and lists of [`super::fact`].
                    compare(call, SAME);
                    return Ok(Some(Type::Bool));
                }
                for (node, found) in [(left, a), (right, b)] {
                    let small = found.is_small() || self.loops == 0;
                    if !small && !matches!(node.expr, Expr::Literal(_)) {
                        wrap(node, COPY, None);
                    }
                }
                Type::Bool
            }
            (op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS, [left, right]) => {
                let (a, b) = (self.operand(left)?, self.operand(right)?);
                let ordered = |t: &Type| matches!(t, Type::Int | Type::Double | Type::Text | Type::Any | Type::Bool);
                if !a.meets(&b) || !ordered(&a) || !ordered(&b) {
                    return Err(Problem::new(format!("{a} cannot be compared with {b}")));
                }
                Type::Bool
            }
            (op::IN, [item, list]) => {
                let item_type = self.operand(item)?;
                let list_type = self.expression(list)?;
                let wanted = match &list_type {
                    Type::List(of) => (**of).clone(),
                    Type::Map(_) | Type::Record(_) | Type::Entries(_) => Type::Text,
                    Type::Any | Type::Never => Type::Any,
                    other => return Err(Problem::new(format!("`in` needs a list or a mapping, not {other}"))),
                };
                if !item_type.meets(&wanted) {
                    return Err(Problem::new(format!("the list holds {wanted}, but `in` looks for {item_type}")));
                }
                if let (Type::Entries(_), Expr::Literal(LiteralValue::String(name))) = (&list_type, &item.expr) {
                    list_type.field(name.inner(), self.scope.dialect)?;
                }
                // A list literal outside loops is bounded by the length of the expression, so it is not charged.
                if matches!(list_type, Type::List(_) | Type::Any)
                    && (self.loops > 0 || !matches!(list.expr, Expr::List(_)))
                {
                    wrap(list, COPY, None);
                }
                if !item_type.is_plain() {
                    compare(call, AMONG);
                }
                Type::Bool
            }
            (op::ADD, [left, right]) => {
                let growing = matches!(&left.expr, Expr::Ident(name) if name.starts_with('@'));
                let a = self.expression(left)?;
                let b = self.expression(right)?;
                let adds = |t: &Type| matches!(t, Type::Int | Type::Double | Type::Text | Type::List(_) | Type::Any);
                if !a.meets(&b) || !adds(&a) || !adds(&b) {
                    return Err(Problem::new(format!("{a} and {b} cannot be put together")).help(
                        if matches!((&a, &b), (Type::Text, _) | (_, Type::Text)) {
                            "string(…) makes text of a number"
                        } else {
                            "+ takes numbers, text and lists"
                        },
                    ));
                }
                one_kind_of_number(&a, &b)?;
                if !growing {
                    for (node, found) in [(left, &a), (right, &b)] {
                        if !found.is_small() && !matches!(node.expr, Expr::Literal(_)) {
                            wrap(node, COPY, None);
                        }
                    }
                }
                a.either(b)
            }
            (op::SUBSTRACT | op::MULTIPLY | op::DIVIDE | op::MODULO, [left, right]) => {
                let (a, b) = (self.operand(left)?, self.operand(right)?);
                let number = |t: &Type| matches!(t, Type::Int | Type::Double | Type::Any);
                if !number(&a) || !number(&b) || !a.meets(&b) {
                    return Err(Problem::new(format!("cannot calculate with {a} and {b}")));
                }
                one_kind_of_number(&a, &b)?;
                a.either(b)
            }
            (op::NEGATE, [arg]) => match self.operand(arg)? {
                found @ (Type::Int | Type::Double | Type::Any) => found,
                other => return Err(Problem::new(format!("`-` needs a number, not {other}"))),
            },
            (op::INDEX | op::OPT_INDEX, [of, at]) => {
                let optional = func_name == op::OPT_INDEX;
                let found = self.index(of, at)?;
                if optional && !matches!(found, Type::Optional(_)) { Type::Optional(Box::new(found)) } else { found }
            }
            (op::OPT_SELECT, [of, at]) => {
                let found = self.index(of, at)?;
                if matches!(found, Type::Optional(_)) { found } else { Type::Optional(Box::new(found)) }
            }
            _ => return Ok(None),
        };
        Ok(Some(found))
    }

    fn index(&mut self, of: &mut IdedExpr, at: &mut IdedExpr) -> Result<Type, Problem> {
        let of_type = self.expression(of)?;
        let at_type = self.expression(at)?;
        if let Expr::Literal(LiteralValue::String(name)) = &at.expr
            && !matches!(of_type, Type::List(_))
        {
            return of_type.field(name.inner(), self.scope.dialect);
        }
        let (wanted, found) = match of_type {
            Type::List(of) => (Type::Int, *of),
            Type::Map(of) => (Type::Text, *of),
            Type::Entries(_) => (Type::Text, Type::Any),
            Type::Any | Type::Never | Type::Record(_) => (Type::Any, Type::Any),
            Type::Optional(_) => (Type::Any, Type::Optional(Box::new(Type::Any))),
            other => return Err(Problem::new(format!("{other} cannot be used with brackets"))),
        };
        if !at_type.meets(&wanted) {
            return Err(Problem::new(format!("{wanted} is needed in the brackets, not {at_type}")));
        }
        Ok(found)
    }

    fn expect(&mut self, wanted: &Type, node: &mut IdedExpr) -> Result<(), Problem> {
        let found = self.expression(node)?;
        if found.meets(wanted) { Ok(()) } else { Err(Problem::new(format!("{wanted} is needed, not {found}"))) }
    }

    fn function(&mut self, call: &mut CallExpr) -> Result<Type, Problem> {
        // In `sets.contains(a, b)` the function's name has two parts.
        let mut name = call.func_name.clone();
        let mut target = call.target.take();
        if let Some(Expr::Ident(space)) = target.as_ref().map(|target| &target.expr)
            && matches!(space.as_str(), "sets" | "optional")
            && !self.local.iter().any(|(local, _)| local == space)
        {
            name = format!("{space}.{name}");
            target = None;
        }
        let on = target.as_deref_mut().map(|target| self.operand(target)).transpose()?;
        if name == "matches" {
            return self.matches(call, target.map(|target| *target));
        }
        let mut takes = Vec::with_capacity(call.args.len());
        for arg in &mut call.args {
            takes.push(self.operand(arg)?);
        }
        let gives = match (&on, name.as_str(), takes.as_slice()) {
            (Some(Type::Optional(of)), "orValue", [other]) => {
                if !other.meets(of) {
                    return Err(Problem::new(format!("`orValue` needs {of}, not {other}")));
                }
                (**of).clone().either(other.clone())
            }
            (Some(Type::Optional(_)), "hasValue", []) => Type::Bool,
            (Some(Type::Optional(of)), "value", []) => (**of).clone(),
            (None, "optional.none", []) => Type::Optional(Box::new(Type::Any)),
            (None, "optional.of", [of]) => Type::Optional(Box::new(of.clone())),
            _ => signature(&name, on.as_ref(), &takes, self.scope)?,
        };
        if let (None, [IdedExpr { expr: Expr::Literal(LiteralValue::String(text)), .. }]) = (&on, call.args.as_slice())
            && let Some(reader) = self.scope.dialect.readers.iter().find(|reader| reader.name == name)
        {
            (reader.read)(text.inner()).map_err(Problem::new)?;
        }
        call.func_name = name;
        call.target = target;
        Ok(gives)
    }

    /// Checks `text.matches("pattern")`; the evaluator gets a call with the compiled pattern instead.
    fn matches(&mut self, call: &mut CallExpr, target: Option<IdedExpr>) -> Result<Type, Problem> {
        let mut args = std::mem::take(&mut call.args);
        let on = target.is_some();
        args.splice(0..0, target);
        let [text, by] = args.as_mut_slice() else {
            return Err(Problem::new("`matches` needs a text and a pattern").help("write `text.matches(\"pattern\")`"));
        };
        if !on {
            self.operand(text)?;
        }
        let Expr::Literal(LiteralValue::String(written)) = &by.expr else {
            return Err(Problem::new("the pattern of `matches` is written out")
                .help("a pattern that is put together cannot be checked before it is used"));
        };
        let compiled = pattern(written.inner(), false)?;
        let name = format!("@re{}", self.patterns.len());
        self.patterns.push(Pattern(compiled));
        by.expr = Expr::Ident(name);
        MATCHES.clone_into(&mut call.func_name);
        call.args = args;
        Ok(Type::Bool)
    }
}

/// Returns the type that a function gives for these arguments.
fn signature(name: &str, on: Option<&Type>, takes: &[Type], scope: &Scope) -> Result<Type, Problem> {
    let mut named = signatures(scope.dialect).filter(|s| s.name == name).peekable();
    if named.peek().is_none() {
        let problem = Problem::new(format!("there is no function `{name}`")).about(name);
        return Err(
            match scope.closest(
                name,
                signatures(scope.dialect).map(|s| s.name).chain(["matches", "has", "all", "exists", "filter", "map"]),
            ) {
                Some(meant) => problem.help(format!("did you mean `{meant}`?")),
                None => problem,
            },
        );
    }
    let fits = named.clone().find(|s| {
        s.target.is_some() == on.is_some()
            && s.target.zip(on).is_none_or(|(wanted, found)| found.meets(&wanted()))
            && s.takes.len() == takes.len()
            && s.takes.iter().zip(takes).all(|(wanted, found)| found.meets(&wanted()))
    });
    match (fits, named.next()) {
        (Some(fits), _) => Ok((fits.gives)()),
        (None, Some(first)) => {
            let takes: Vec<String> = first.takes.iter().map(|wanted| wanted().to_string()).collect();
            let on = first.target.map(|wanted| format!(" on {}", wanted())).unwrap_or_default();
            Err(Problem::new(format!("`{name}` does not take these arguments"))
                .help(format!("it takes ({}){on}", takes.join(", "))))
        }
        (None, None) => Ok(Type::Any),
    }
}

/// Refuses arithmetic that mixes whole and other numbers; comparing the two is allowed.
fn one_kind_of_number(a: &Type, b: &Type) -> Result<(), Problem> {
    match (a, b) {
        (Type::Int, Type::Double) | (Type::Double, Type::Int) => {
            Err(Problem::new(format!("cannot calculate with {a} and {b}"))
                .help("write a number with a point, or `double(…)`, `int(…)`"))
        }
        _ => Ok(()),
    }
}

/// Makes `a == b`, `a != b` or `a in b` a call to a function of the meter.
fn compare(call: &mut CallExpr, function: &str) {
    let negated = call.func_name == op::NOT_EQUALS;
    let id = call.args.first().map_or(0, |arg| arg.id);
    call.args.push(IdedExpr { id, expr: Expr::Ident(METER.to_owned()) });
    function.clone_into(&mut call.func_name);
    if negated {
        let args = std::mem::take(&mut call.args);
        let same = CallExpr { func_name: function.to_owned(), target: None, args };
        call.args = vec![IdedExpr { id, expr: Expr::Call(same) }];
        op::LOGICAL_NOT.clone_into(&mut call.func_name);
    }
}

/// Puts a call to a function of the meter around a node.
fn wrap(node: &mut IdedExpr, function: &str, each: Option<usize>) {
    let id = node.id;
    let leaf = |expr| IdedExpr { id, expr };
    let value = std::mem::take(node);
    let mut args = vec![value, leaf(Expr::Ident(METER.to_owned()))];
    args.extend(each.map(|each| leaf(Expr::Literal(LiteralValue::Int(CelInt::from(each as i64))))));
    *node = leaf(Expr::Call(CallExpr { func_name: function.to_owned(), target: None, args }));
}
