//! Shapes that any object can come in: a page of them, and one with keys left out.

use std::borrow::Cow;
use std::marker::PhantomData;

use serde_json::json;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat,
    SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

type Named = (String, RefOr<Schema>);

/// A page (contract 2.2) of `T`.
pub(crate) struct Page<T>(PhantomData<T>);

/// `T` as `fields` and `omit` leave it: the same keys, none of which must be there (contract 2.4).
pub(crate) struct Partial<T>(PhantomData<T>);

impl<T: ToSchema> ToSchema for Page<T> {
    fn name() -> Cow<'static, str> {
        format!("{}Page", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<Named>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

impl<T: ToSchema> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        let count = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(0))
            .description(Some("Matches over all pages"));
        let neighbour = |which: &str| {
            ObjectBuilder::new()
                .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
                .format(Some(SchemaFormat::Custom("uri".to_owned())))
                .description(Some(format!("Address of the {which} page")))
        };
        let results = ArrayBuilder::new().items(Ref::from_schema_name(T::name()));
        let page = ObjectBuilder::new()
            .property("count", count)
            .property("next", neighbour("next"))
            .property("previous", neighbour("previous"))
            .property("results", results);
        let page = ["count", "next", "previous", "results"]
            .iter()
            .fold(page, |page, name| page.required(*name));
        page.additional_properties(Some(AdditionalProperties::FreeForm(false))).into()
    }
}

impl<T: ToSchema> ToSchema for Partial<T> {
    fn name() -> Cow<'static, str> {
        format!("Partial{}", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<Named>) {
        T::schemas(schemas);
    }
}

impl<T: ToSchema> PartialSchema for Partial<T> {
    fn schema() -> RefOr<Schema> {
        let mut schema = T::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.required.clear();
            let whole = object.description.take().unwrap_or_default();
            object.description = Some(format!("{whole} `fields` and `omit` may leave keys out."));
        }
        schema
    }
}

/// A file, as it is.
pub(crate) struct File;

impl ToSchema for File {}

impl PartialSchema for File {
    fn schema() -> RefOr<Schema> {
        let bytes = ObjectBuilder::new().schema_type(Type::String);
        bytes.format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary))).into()
    }
}

/// An object of which there are none.
pub(crate) struct Nothing;

impl ToSchema for Nothing {}

impl PartialSchema for Nothing {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Object).examples([json!({})]).into()
    }
}
