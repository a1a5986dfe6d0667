use proptest::prelude::*;

use super::drawing::{HEIGHT, MOST_LABELS, WIDTH, label_step};
use super::*;

const WORDS: Words<'static> =
    Words { title: "Salario por mes", gap: "sin aportes", unpaid: "sin pagar", months: "meses" };

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn paid(months: &[(&str, i64)]) -> Vec<Paid<'static>> {
    let paid = |&(at, pesos)| Paid { month: month(at), pesos, unpaid: false, marks: Vec::new() };
    months.iter().map(paid).collect()
}

#[test]
fn nothing_is_no_chart() {
    assert_eq!(draw(&[], WORDS, "pay"), None);
    assert_eq!(draw(&[Employer { name: "A", months: Vec::new() }], WORDS, "pay"), None);
}

#[test]
fn two_employers_a_gap_and_marks() {
    let mut one = paid(&[("2025-11", 1_800_000), ("2025-12", 1_800_000), ("2026-03", 2_000_000)]);
    one[1].marks = vec!["RET fin <del> contrato"];
    one[2].marks = vec!["ING ingreso"];
    let mut two = paid(&[("2025-12", 950_500), ("2026-01", 950_500)]);
    two[1].unpaid = true;
    let employers =
        [Employer { name: "UNO & CÍA", months: one }, Employer { name: "DOS", months: two }];
    let chart = draw(&employers, WORDS, "pay").unwrap();
    insta::assert_snapshot!(chart.svg);
    assert_eq!(chart.employers, ["UNO & CÍA", "DOS"]);
    let february = chart.rows.iter().find(|row| row.month == month("2026-02")).unwrap();
    assert_eq!(february.pesos, [None, None]);
    let january = chart.rows.iter().find(|row| row.month == month("2026-01")).unwrap();
    assert_eq!(january.pesos, [None, Some(Pay { pesos: 950_500, unpaid: true })]);
    let december = chart.rows.iter().find(|row| row.month == month("2025-12")).unwrap();
    assert_eq!(december.marks, [(0, "RET fin <del> contrato".to_owned())]);
    assert!(chart.has_unpaid() && chart.has_gaps() && chart.has_marks());
}

#[test]
fn the_grid_has_lines_and_little_room_above() {
    for highest in [1_000, 1_328_667, 5_100_000, 9_000_000, 10_100_000, 24_000_000] {
        let months = paid(&[("2025-11", highest)]);
        let plot = Plot::new(&[Employer { name: "A", months }]).unwrap();
        let lines = plot.top / plot.step;
        assert!((1..=5).contains(&lines) && plot.top >= highest, "{highest}: {lines}");
        assert!(highest < 5_000 || lines > 2, "{highest}: {lines}");
        assert!(plot.top - highest < plot.step, "{highest}: {}", plot.top);
    }
}

#[test]
fn labels_fit() {
    for columns in 1..400 {
        let step = label_step(columns);
        assert!((columns + step - 1) / step <= MOST_LABELS, "{columns}");
    }
}

/// A name, and months after a beginning with pesos and whether something happened.
type Made = (String, Vec<(i32, i64, bool)>);

fn any_employers() -> impl Strategy<Value = Vec<Made>> {
    let months = prop::collection::vec((0..300, -5..i64::MAX, any::<bool>()), 0..30);
    prop::collection::vec((".{0,12}", months), 0..5)
}

fn built(given: &[Made]) -> Vec<Employer<'_>> {
    let start = month("2001-01");
    let build = |(_, months): &'_ Made| {
        let paid = |&(at, pesos, marked): &(i32, i64, bool)| Paid {
            month: start.plus(at),
            pesos,
            unpaid: marked,
            marks: if marked { vec!["ING"] } else { Vec::new() },
        };
        months.iter().map(paid).collect()
    };
    given.iter().map(|one| Employer { name: &one.0, months: build(one) }).collect()
}

/// The numbers of every coordinate that is absolute.
fn coordinates(svg: &str) -> (Vec<f64>, Vec<f64>) {
    let (mut xs, mut ys) = (Vec::new(), Vec::new());
    for path in svg.split(" d=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        let path = path.split('l').next().unwrap();
        let mut command = ' ';
        for part in path.split_inclusive(['M', 'H', 'V', 'Z', ' ']) {
            let next = part.chars().last().unwrap();
            let number = part.trim_end_matches(['M', 'H', 'V', 'Z', ' ']);
            if !number.is_empty() {
                let into = if matches!(command, 'M' | 'H') { &mut xs } else { &mut ys };
                into.push(number.parse().unwrap_or_else(|_| panic!("{path}")));
            }
            command = next;
        }
    }
    (xs, ys)
}

proptest! {
    #[test]
    fn everything_lies_inside(given in any_employers()) {
        let Some(chart) = draw(&built(&given), WORDS, "pay") else { return Ok(()) };
        let (xs, ys) = coordinates(&chart.svg);
        prop_assert!(!chart.svg.contains("NaN") && !chart.svg.contains("inf"));
        for x in xs {
            prop_assert!((0.0..=WIDTH).contains(&x), "x {x}");
        }
        for y in ys {
            prop_assert!((0.0..=HEIGHT).contains(&y), "y {y}");
        }
    }

    #[test]
    fn order_makes_no_difference(given in any_employers(), turn in 0_usize..5) {
        let mut turned = given.clone();
        if !turned.is_empty() {
            let by = turn % turned.len();
            turned.rotate_left(by);
        }
        for (_, months) in &mut turned {
            months.reverse();
        }
        prop_assert_eq!(draw(&built(&given), WORDS, "pay"), draw(&built(&turned), WORDS, "pay"));
    }

    #[test]
    fn every_month_is_in_the_table_or_a_gap(given in any_employers()) {
        let Some(chart) = draw(&built(&given), WORDS, "pay") else { return Ok(()) };
        let empty = chart.rows.iter().filter(|row| row.pesos.iter().all(Option::is_none)).count();
        prop_assert_eq!(chart.svg.matches("class=\"gap\"").count(), empty);
        prop_assert!(chart.rows.windows(2).all(|two| two[0].month == two[1].month.plus(1)));
    }
}
