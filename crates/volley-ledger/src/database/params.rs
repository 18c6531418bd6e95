//! What stands for `?1`, `?2`, … of a statement.

use rusqlite::ToSql;
use rusqlite::types::Value;

/// The values of a statement's parameters, in their order.
pub(crate) trait Params {
    fn with<R>(self, run: impl FnOnce(&[&dyn ToSql]) -> R) -> R;
}

impl Params for &[&dyn ToSql] {
    fn with<R>(self, run: impl FnOnce(&[&dyn ToSql]) -> R) -> R {
        run(self)
    }
}

impl Params for Vec<Value> {
    fn with<R>(self, run: impl FnOnce(&[&dyn ToSql]) -> R) -> R {
        let values: Vec<&dyn ToSql> = self.iter().map(|value| value as &dyn ToSql).collect();
        run(&values)
    }
}

/// None.
impl Params for [&dyn ToSql; 0] {
    fn with<R>(self, run: impl FnOnce(&[&dyn ToSql]) -> R) -> R {
        run(&self)
    }
}

/// One.
impl<T: ToSql> Params for [T; 1] {
    fn with<R>(self, run: impl FnOnce(&[&dyn ToSql]) -> R) -> R {
        let [value] = &self;
        run(&[value])
    }
}
