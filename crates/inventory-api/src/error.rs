//! What a failed query means to a client: the only place that decides it.

use domain::{FieldError, Problem, ProblemCode};
use service::ApiError;
use store::Error;

/// The columns of an item that a client writes.
const COLUMNS: [&str; 8] =
    ["sku", "name", "description", "quantity", "unit", "price", "reorder_point", "attributes"];

/// The answer to a failed query.
pub(crate) fn store_error(error: Error) -> ApiError {
    match error {
        Error::Unavailable(_) => ApiError::unavailable(error),
        Error::DuplicateSku => {
            let detail = "Another item has this sku.";
            let errors = vec![FieldError { detail: "is taken".into(), pointer: "/sku".into() }];
            Problem::new(ProblemCode::DuplicateSku, detail).with_errors(errors).into()
        }
        Error::DuplicateEmail => {
            let detail = "Another user has this e-mail address.";
            let errors = vec![FieldError { detail: "is taken".into(), pointer: "/email".into() }];
            Problem::new(ProblemCode::DuplicateEmail, detail).with_errors(errors).into()
        }
        Error::Constraint { constraint } => broken_constraint(&constraint),
        Error::TooSlow(source) => {
            tracing::warn!(
                source = &source as &dyn std::error::Error,
                "there are too many changes to read in time"
            );
            too_many_changes()
        }
        Error::ForeignCursor => {
            ApiError::parameter("after", "is not a cursor of this list with this sort; start without one")
        }
        Error::Corrupt { .. } | Error::Query(_) => ApiError::internal(error),
    }
}

/// The answer to a question about more changes than can be read before the server gives up.
pub(crate) fn too_many_changes() -> ApiError {
    let detail = "There are more changes than can be read in the time that there is. Ask for a shorter time.";
    ApiError::new(ProblemCode::TooManyChanges, detail)
}

/// A rule that the table has and the parser of the body doesn't. The name of the constraint says which field.
fn broken_constraint(constraint: &str) -> ApiError {
    if constraint.ends_with("_tenant_fkey") {
        return ApiError::new(ProblemCode::Forbidden, "The token's tenant doesn't exist.");
    }
    let rule = constraint.strip_prefix("items_").unwrap_or(constraint);
    let column = COLUMNS.into_iter().find(|column| {
        rule.strip_prefix(column).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    });
    let pointer = column.map(|column| format!("/{column}")).unwrap_or_default();
    let errors = vec![FieldError { detail: format!("breaks the rule {constraint}"), pointer }];
    Problem::new(ProblemCode::InvalidBody, "A value breaks a rule of the table.").with_errors(errors).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constraint_names_its_field() {
        for (constraint, pointer) in [
            ("items_reorder_point_range", r#""pointer":"/reorder_point""#),
            ("items_attributes_form", r#""pointer":"/attributes""#),
            ("items_identity_fixed", r#""pointer":"""#),
        ] {
            let problem = format!("{:?}", store_error(Error::Constraint { constraint: constraint.into() }));
            let pointer = pointer.replace(r#""pointer":"#, "pointer: ");
            assert!(problem.contains(&pointer), "{problem}");
        }
    }
}
