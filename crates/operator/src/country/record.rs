//! From the model to the records of the regulation.

use vinculo_pila::Correction;
use vinculo_pila::planilla::{DetailBuf, FieldError, PayerRecordBuf};

use super::figures::Figures;
use super::line::Line;
use super::payer::{Payer, Trade};
use super::person::{Identity, Role};
use super::plan::Event;

/// The detail record of a line.
pub(super) fn detail(
    line: &Line,
    identity: &Identity,
    payer: &Payer,
) -> Result<DetailBuf, FieldError> {
    let mut detail = DetailBuf::new();
    detail
        .set_person(&identity.document)?
        .set_text::<5>(line.worker_kind)?
        .set_text::<6>(line.worker_subtype)?
        .set_mark::<7>(Some('X').filter(|_| line.role == Role::Foreigner))?
        .set_text::<9>(payer.place.0)?
        .set_text::<10>(payer.place.1)?
        .set_names(&identity.names)?;
    set_novelties(&mut detail, line)?;
    set_administrators(&mut detail, line, identity, payer)?;
    set_bases(&mut detail, line)?;
    set_contributions(&mut detail, line)?;
    set_parafiscals(&mut detail, line)?;
    Ok(detail)
}

fn set_novelties(detail: &mut DetailBuf, line: &Line) -> Result<(), FieldError> {
    let mark = |marked: bool| marked.then_some('X');
    let event = |event: Event| mark(line.event == event);
    let holiday = match line.event {
        Event::Holiday => Some('X'),
        Event::PaidLeave => Some('L'),
        _ => None,
    };
    let accident = if line.event == Event::WorkAccident { line.line_days } else { 0 };
    detail
        .set_mark::<15>(mark(line.start.is_some()))?
        .set_mark::<16>(mark(line.end.is_some()))?
        .set_mark::<21>(mark(line.raise.is_some()))?
        .set_mark::<22>(line.correction.map(|role| match role {
            Correction::AsPaid => 'A',
            Correction::AsCorrected => 'C',
        }))?
        .set_mark::<23>(mark(matches!(line.event, Event::Variable(_))))?
        .set_mark::<24>(event(Event::UnpaidLeave))?
        .set_mark::<25>(event(Event::Sick))?
        .set_mark::<26>(event(Event::Parental))?
        .set_mark::<27>(holiday)?
        .set_number::<30>(accident)?
        .set_date::<80>(line.start)?
        .set_date::<81>(line.end)?
        .set_date::<82>(line.raise)?;
    let Some((first, last)) = line.absence else {
        return Ok(());
    };
    match line.event {
        Event::UnpaidLeave => detail.set_date::<83>(first)?.set_date::<84>(last)?,
        Event::Sick => detail.set_date::<85>(first)?.set_date::<86>(last)?,
        Event::Parental => detail.set_date::<87>(first)?.set_date::<88>(last)?,
        Event::Holiday | Event::PaidLeave => detail.set_date::<89>(first)?.set_date::<90>(last)?,
        Event::WorkAccident => detail.set_date::<93>(first)?.set_date::<94>(last)?,
        Event::Work | Event::Variable(_) => return Ok(()),
    };
    Ok(())
}

fn set_administrators(
    detail: &mut DetailBuf,
    line: &Line,
    identity: &Identity,
    payer: &Payer,
) -> Result<(), FieldError> {
    let pension = identity.pension_fund.filter(|_| line.days.pension > 0);
    let health = Some(identity.health_provider).filter(|_| line.days.health > 0);
    let family = Some(payer.family_fund).filter(|_| line.days.family_fund > 0);
    let insured = line.days.risk > 0;
    detail
        .set_text::<31>(pension.unwrap_or_default())?
        .set_text::<33>(health.unwrap_or_default())?
        .set_text::<35>(family.unwrap_or_default())?
        .set_text::<77>(if insured { payer.insurer } else { "" })?
        .set_mark::<78>(Some(payer.activity.risk_class).filter(|_| insured))?
        .set_text::<98>(if insured { payer.activity.code } else { "" })?;
    Ok(())
}

fn set_bases(detail: &mut DetailBuf, line: &Line) -> Result<(), FieldError> {
    detail
        .set_number::<36>(line.days.pension)?
        .set_number::<37>(line.days.health)?
        .set_number::<38>(line.days.risk)?
        .set_number::<39>(line.days.family_fund)?
        .set_number::<40>(line.salary)?
        .set_mark::<41>(line.salary_kind)?
        .set_number::<42>(line.base.pension)?
        .set_number::<43>(line.base.health)?
        .set_number::<44>(line.base.risk)?
        .set_number::<45>(line.base.family_fund)?
        .set_number::<96>(line.hours)?;
    Ok(())
}

fn set_contributions(detail: &mut DetailBuf, line: &Line) -> Result<(), FieldError> {
    let pension = line.rate.pension.contribution(line.base.pension);
    detail
        .set_rate::<46>(line.rate.pension)?
        .set_number::<47>(pension)?
        .set_number::<50>(pension)?
        .set_number::<51>(line.solidarity.0)?
        .set_number::<52>(line.solidarity.1)?
        .set_rate::<54>(line.rate.health)?
        .set_number::<55>(line.rate.health.contribution(line.base.health))?
        .set_rate::<61>(line.rate.risk)?
        .set_number::<63>(line.rate.risk.contribution(line.base.risk))?
        .set_rate::<64>(line.rate.family_fund)?
        .set_number::<65>(line.rate.family_fund.contribution(line.base.family_fund))?;
    Ok(())
}

fn set_parafiscals(detail: &mut DetailBuf, line: &Line) -> Result<(), FieldError> {
    let rates = line.parafiscals;
    // Field 95 is the base of SENA and ICBF, and 0 where neither is paid.
    let base = if rates.icbf.ten_millionths() > 0 { line.base.family_fund } else { 0 };
    detail
        .set_rate::<66>(rates.sena)?
        .set_number::<67>(rates.sena.contribution(base))?
        .set_rate::<68>(rates.icbf)?
        .set_number::<69>(rates.icbf.contribution(base))?
        .set_rate::<70>(rates.esap)?
        .set_number::<71>(rates.esap.contribution(base))?
        .set_rate::<72>(rates.men)?
        .set_number::<73>(rates.men.contribution(base))?
        .set_mark::<76>(if line.exonerated { 'S' } else { 'N' })?
        .set_number::<95>(base)?;
    Ok(())
}

/// The type-1 record of a payer, as of a month.
pub(super) fn payer_record(
    payer: &Payer,
    operator: &str,
    branches: u32,
    figures: &Figures,
) -> Result<PayerRecordBuf, FieldError> {
    let yes_no = |yes: bool| if yes { 'S' } else { 'N' };
    let nature = if payer.trade == Trade::PublicBody { '1' } else { '2' };
    let mut record = PayerRecordBuf::new();
    record
        .set_text::<1>(&payer.name)?
        .set_payer(&payer.document)?
        .set_mark::<7>(payer.class)?
        .set_mark::<8>(nature)?
        .set_mark::<9>(if payer.is_person() { 'N' } else { 'J' })?
        .set_text::<11>("CALLE 0 # 0-00")?
        .set_text::<12>(payer.place.1)?
        .set_text::<13>(payer.place.0)?
        .set_text::<14>(payer.activity.ciiu)?
        .set_text::<17>("pagos@ejemplo.example")?
        .set_text::<28>(operator)?
        .set_month::<29>(figures.month)?
        .set_text::<30>(payer.kind)?
        .set_mark::<33>(yes_no(payer.exonerated))?;
    if branches > 1 {
        record.set_text::<5>("001")?.set_text::<6>("SUCURSAL 001")?.set_mark::<10>('S')?;
    }
    if !payer.is_person() {
        record
            .set_text::<18>(&format!("1994{:06}", payer.index))?
            .set_text::<20>("CC")?
            .set_text::<21>("REPRESENTANTE")?
            .set_text::<23>("EJEMPLO")?;
    }
    Ok(record)
}
