//! Maps: `put` and `drop`, which make new ones.

use std::sync::Arc;

use super::super::build::aligned;
use super::super::calls::Call;
use super::super::operators::{join_parts, mix_hint};
use super::super::{Checked, Checker, Typed};
use super::made;
use crate::expr::Type;
use crate::expr::functions::lists;
use crate::expr::ir::Ir;

impl Checker<'_> {
    /// The element type of a map argument, and the key's lowered form.
    pub(super) fn map_and_key(&mut self, call: &Call<'_>) -> Option<(Typed, Type, Ir)> {
        let (map, key) = (self.present(call.args[0]), self.present(call.args[1]));
        let (map, key) = (map?, key?);
        let Type::Map(inner) = &map.ty else {
            self.unfit(call, "a map", &map.ty, None);
            return None;
        };
        let inner = (**inner).clone();
        if !key.ty.is_text() && key.ty != Type::Dyn {
            let message = format!("the key of a map must be a text, found {}", key.ty.describe());
            return self.report(call.args[1].start(), message, None);
        }
        Some((map, inner, key.ir))
    }

    pub(super) fn put(&mut self, call: &Call<'_>) -> Checked {
        let (map, value) = (self.map_and_key(call), self.node(call.args[2]));
        let ((map, inner, key), value) = (map?, value?);
        let held = Typed { ir: Ir::Slot(0), ty: inner };
        let Ok(ty) = join_parts(&[&held, &value]) else {
            let message =
                format!("the map holds {}, found {}", held.ty.name(), value.ty.describe());
            let hint = mix_hint(&held.ty, &value.ty);
            return self.report(call.args[2].start(), message, hint);
        };
        self.symbols(&held, call.args[2], &value)?;
        let map_ty = Type::Map(Arc::new(ty.clone()));
        let args = vec![aligned(map, &map_ty), key, aligned(value, &ty)];
        made("put", lists::put, args, map_ty)
    }

    pub(super) fn drop_key(&mut self, call: &Call<'_>) -> Checked {
        let (map, _, key) = self.map_and_key(call)?;
        made("drop", lists::drop_key, vec![map.ir, key], map.ty)
    }
}
