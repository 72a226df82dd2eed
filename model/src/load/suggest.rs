//! "Did you mean": the nearest of some known names.

/// `did you mean \`x\`?` where one is near, else the list of what there is, else nothing.
pub(crate) fn did_you_mean<'a>(
    wrong: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let mut known: Vec<&str> = known.into_iter().collect();
    known.sort_unstable();
    known.dedup();
    if let Some(near) = nearest(wrong, &known) {
        return Some(format!("did you mean `{near}`?"));
    }
    match known.len() {
        0 => None,
        1..=16 => Some(format!("there is {}", listed(&known))),
        more => Some(format!("there is {} and {} more", listed(&known[..16]), more - 16)),
    }
}

/// Names in back quotes, with commas between them.
pub(crate) fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn nearest<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    let folded = fold(wrong);
    let most = (folded.len() / 3).clamp(1, 3);
    known
        .iter()
        .filter(|name| name.len().abs_diff(wrong.len()) <= most + 3 && wrong.len() <= 64)
        .map(|name| (distance(&folded, &fold(name)), *name))
        .filter(|(far, _)| *far <= most)
        .min()
        .map(|(_, name)| name)
}

/// Case and separators are what people confuse first, so they count for nothing.
fn fold(name: &str) -> Vec<char> {
    name.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).flat_map(char::to_lowercase).collect()
}

/// Levenshtein's distance.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_suggested_and_a_far_one_lists_all() {
        let known = ["require", "emit", "input"];
        assert_eq!(did_you_mean("requires", known).unwrap(), "did you mean `require`?");
        assert_eq!(did_you_mean("zzz", known).unwrap(), "there is `emit`, `input`, `require`");
        assert_eq!(did_you_mean("placedAt", ["placed_at"]).unwrap(), "did you mean `placed_at`?");
        assert_eq!(did_you_mean("x", []), None);
    }
}
