//! "Did you mean": the known name nearest to a mistaken one.

/// Names the likely one of `known`, or lists them where none is near.
pub(crate) fn suggest(mistaken: &str, known: &[&str]) -> String {
    // More than that nobody reads; it bounds the work on hostile input too.
    const LISTED: usize = 20;
    let near = (mistaken.len() <= 128).then(|| nearest(mistaken, known)).flatten();
    match near {
        Some(name) => format!("did you mean {name:?}?"),
        None if known.is_empty() => "none is known here".to_owned(),
        None if known.len() > LISTED => format!("known are {}, …", known[..LISTED].join(", ")),
        None => format!("known are {}", known.join(", ")),
    }
}

fn nearest<'a>(mistaken: &str, known: &[&'a str]) -> Option<&'a str> {
    let allowed = (mistaken.chars().count() / 3).clamp(1, 3);
    let distance = |name: &&&'a str| distance(&mistaken.to_lowercase(), &name.to_lowercase());
    known.iter().min_by_key(distance).filter(|name| distance(name) <= allowed).copied()
}

/// How many letters to add, drop, change or swap with the next (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = change.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_suggested_and_far_ones_are_listed() {
        let known = ["customer", "lines", "total"];
        assert_eq!(suggest("custmoer", &known), "did you mean \"customer\"?");
        assert_eq!(suggest("Lines", &known), "did you mean \"lines\"?");
        assert_eq!(suggest("colour", &known), "known are customer, lines, total");
    }
}
