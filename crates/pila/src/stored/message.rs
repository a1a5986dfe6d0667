//! The message. A field is added under a new number, is absent from what was kept before, and is
//! skipped by a program that does not know it. A number is never given to another field.

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Line {
    /// 0 a planilla, 1 ACH, 2 Ágil Data, 3 Mareigua's query, 4 its report.
    #[prost(uint32, tag = "1")]
    pub(super) origin: u32,
    #[prost(message, required, tag = "2")]
    pub(super) person: Paper,
    #[prost(message, required, tag = "3")]
    pub(super) names: FourNames,
    #[prost(message, required, tag = "4")]
    pub(super) payer: PaidBy,
    /// Year × 100 + month.
    #[prost(uint32, tag = "5")]
    pub(super) period: u32,
    #[prost(message, required, tag = "6")]
    pub(super) planilla: Form,
    #[prost(uint32, tag = "7")]
    pub(super) line: u32,
    /// 1 as paid, 2 as corrected.
    #[prost(uint32, tag = "8")]
    pub(super) correction: u32,
    #[prost(string, optional, tag = "9")]
    pub(super) worker_kind: Option<String>,
    #[prost(string, optional, tag = "10")]
    pub(super) worker_subtype: Option<String>,
    #[prost(message, required, tag = "11")]
    pub(super) days: Days,
    #[prost(message, required, tag = "12")]
    pub(super) base: Base,
    #[prost(int64, optional, tag = "13")]
    pub(super) basic_salary: Option<i64>,
    #[prost(message, required, tag = "14")]
    pub(super) novelties: Marks,
    #[prost(message, required, tag = "15")]
    pub(super) amounts: Paid,
    #[prost(uint32, optional, tag = "16")]
    pub(super) salary_kind: Option<u32>,
    /// 0 all, 1 start and end, 2 none.
    #[prost(uint32, tag = "17")]
    pub(super) novelties_known: u32,
    #[prost(message, optional, tag = "18")]
    pub(super) pension_fund: Option<Fund>,
    #[prost(message, optional, tag = "19")]
    pub(super) health_provider: Option<Fund>,
    #[prost(uint32, optional, tag = "20")]
    pub(super) risk_class: Option<u32>,
    #[prost(string, optional, tag = "21")]
    pub(super) arl_activity: Option<String>,
    #[prost(bool, tag = "22")]
    pub(super) paid: bool,
    #[prost(int64, optional, tag = "23")]
    pub(super) income: Option<i64>,
    /// 1 employee, 2 self-employed, 3 pensioner.
    #[prost(uint32, tag = "24")]
    pub(super) worker_scale: u32,
    /// Year × 10,000 + month × 100 + day.
    #[prost(int32, optional, tag = "25")]
    pub(super) started_on: Option<i32>,
    #[prost(int32, optional, tag = "26")]
    pub(super) ended_on: Option<i32>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Paper {
    /// The two letters of PILA.
    #[prost(string, tag = "1")]
    pub(super) kind: String,
    #[prost(string, tag = "2")]
    pub(super) number: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct FourNames {
    #[prost(string, tag = "1")]
    pub(super) first: String,
    #[prost(string, tag = "2")]
    pub(super) second: String,
    #[prost(string, tag = "3")]
    pub(super) surname: String,
    #[prost(string, tag = "4")]
    pub(super) second_surname: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct PaidBy {
    #[prost(message, required, tag = "1")]
    pub(super) document: Paper,
    #[prost(string, optional, tag = "2")]
    pub(super) name: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(super) activity_code: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(super) activity_text: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub(super) class_code: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub(super) class_text: Option<String>,
    #[prost(string, optional, tag = "7")]
    pub(super) kind_code: Option<String>,
    #[prost(string, optional, tag = "8")]
    pub(super) kind_text: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Form {
    #[prost(string, optional, tag = "1")]
    pub(super) kind: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub(super) number: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(super) branch: Option<String>,
    /// Year × 10,000 + month × 100 + day.
    #[prost(int32, optional, tag = "4")]
    pub(super) paid_on: Option<i32>,
    #[prost(string, optional, tag = "5")]
    pub(super) operator: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Days {
    #[prost(uint32, optional, tag = "1")]
    pub(super) pension: Option<u32>,
    #[prost(uint32, optional, tag = "2")]
    pub(super) health: Option<u32>,
    #[prost(uint32, optional, tag = "3")]
    pub(super) arl: Option<u32>,
    #[prost(uint32, optional, tag = "4")]
    pub(super) ccf: Option<u32>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Base {
    #[prost(int64, optional, tag = "1")]
    pub(super) pension: Option<i64>,
    #[prost(int64, optional, tag = "2")]
    pub(super) health: Option<i64>,
    #[prost(int64, optional, tag = "3")]
    pub(super) arl: Option<i64>,
    #[prost(int64, optional, tag = "4")]
    pub(super) ccf: Option<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Paid {
    #[prost(int64, optional, tag = "1")]
    pub(super) pension: Option<i64>,
    #[prost(int64, optional, tag = "2")]
    pub(super) voluntary_worker: Option<i64>,
    #[prost(int64, optional, tag = "3")]
    pub(super) fsp_solidarity: Option<i64>,
    #[prost(int64, optional, tag = "4")]
    pub(super) fsp_subsistence: Option<i64>,
    #[prost(int64, optional, tag = "5")]
    pub(super) health: Option<i64>,
    #[prost(int64, optional, tag = "6")]
    pub(super) arl: Option<i64>,
    #[prost(int64, optional, tag = "7")]
    pub(super) ccf: Option<i64>,
    #[prost(int64, optional, tag = "8")]
    pub(super) sena: Option<i64>,
    #[prost(int64, optional, tag = "9")]
    pub(super) icbf: Option<i64>,
}

/// Marks are code points.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Marks {
    #[prost(uint32, optional, tag = "1")]
    pub(super) ing: Option<u32>,
    #[prost(uint32, optional, tag = "2")]
    pub(super) ret: Option<u32>,
    #[prost(uint32, optional, tag = "3")]
    pub(super) tde: Option<u32>,
    #[prost(uint32, optional, tag = "4")]
    pub(super) tae: Option<u32>,
    #[prost(uint32, optional, tag = "5")]
    pub(super) tdp: Option<u32>,
    #[prost(uint32, optional, tag = "6")]
    pub(super) tap: Option<u32>,
    #[prost(uint32, optional, tag = "7")]
    pub(super) vsp: Option<u32>,
    #[prost(uint32, optional, tag = "8")]
    pub(super) vst: Option<u32>,
    #[prost(uint32, optional, tag = "9")]
    pub(super) sln: Option<u32>,
    #[prost(uint32, optional, tag = "10")]
    pub(super) ige: Option<u32>,
    #[prost(uint32, optional, tag = "11")]
    pub(super) lma: Option<u32>,
    #[prost(uint32, optional, tag = "12")]
    pub(super) vac: Option<u32>,
    #[prost(uint32, optional, tag = "13")]
    pub(super) avp: Option<u32>,
    #[prost(uint32, optional, tag = "14")]
    pub(super) vct: Option<u32>,
    #[prost(uint32, tag = "15")]
    pub(super) irl_days: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Fund {
    #[prost(string, optional, tag = "1")]
    pub(super) code: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub(super) name: Option<String>,
}
