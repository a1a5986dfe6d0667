//! A figure with everything that it has to be judged by.

/// What is to be reached.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

/// A figure, read several times.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) goal: Goal,
    /// The same figure of svix-server 1.100, recorded on another machine: two processors too, and a
    /// disk that did some 6,000 syncs a second.
    pub(crate) recorded: Option<f64>,
    /// A limit that was measured in this run, in the same unit.
    pub(crate) limit: Option<(&'static str, f64)>,
    /// As they were read, with the percent of the processors that others took meanwhile; no number
    /// where that does not matter.
    pub(crate) runs: Vec<(f64, f64)>,
}

impl Row {
    pub(crate) fn new(name: &'static str, unit: &'static str, goal: Goal) -> Self {
        Self { name, unit, goal, recorded: None, limit: None, runs: Vec::new() }
    }

    pub(crate) fn recorded(self, recorded: f64) -> Self {
        Self { recorded: Some(recorded), ..self }
    }

    pub(crate) fn limit(self, name: &'static str, limit: f64) -> Self {
        Self { limit: Some((name, limit)), ..self }
    }

    /// The row as printed.
    pub(crate) fn text(&self) -> String {
        let mut values: Vec<_> = self.runs.iter().map(|run| run.0).collect();
        let raw: Vec<_> = values.iter().map(|value| number(*value)).collect();
        let others = self.runs.iter().filter(|run| run.1.is_finite());
        let others: Vec<_> = others.map(|run| format!("{:.0}", run.1)).collect();
        values.sort_by(f64::total_cmp);
        let (Some(least), Some(most)) = (values.first(), values.last()) else {
            return format!("{}: NOT RUN", self.name);
        };
        let median = values[values.len() / 2];
        let (met, goal) = match self.goal {
            Goal::AtLeast(goal) => (median >= goal, format!(">= {}", number(goal))),
            Goal::AtMost(goal) => (median <= goal, format!("<= {}", number(goal))),
        };
        let verdict = if met { "MET" } else { "MISSED" };
        let spread = 100.0 * (most - least) / median;
        let mut text = format!(
            "{}\n    {} {}, median {} (spread {spread:.0} %); goal {goal}: {verdict}",
            self.name,
            raw.join(" / "),
            self.unit,
            number(median),
        );
        if let Some(recorded) = self.recorded {
            let ratio = median / recorded;
            text += &format!("\n    svix-server as recorded {}: {ratio:.2} x", number(recorded));
        }
        if let Some((name, limit)) = self.limit {
            text += &format!("\n    {name} in this run {}: {:.3} x", number(limit), median / limit);
        }
        if !others.is_empty() {
            text += &format!("\n    processors taken by others {} %", others.join(" / "));
        }
        text
    }
}

fn number(value: f64) -> String {
    match value.abs() {
        0.0..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}
