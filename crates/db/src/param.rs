//! Values bound to statements.

use std::convert;

use base::Timestamp;
use serde::Serialize;
use sqlx::{
    Arguments as _, Encode, Postgres, Sqlite, Type, error::BoxDynError, postgres::PgArguments,
    sqlite::SqliteArguments, types::Json,
};

/// A value both engines store alike. Identifiers go in by reference, times and flags by value.
pub trait Param<'q>: Send {
    /// What is sent.
    type Sql: Encode<'q, Sqlite> + Type<Sqlite> + Encode<'q, Postgres> + Type<Postgres> + Send + 'q;

    /// Converts into what is sent.
    fn sql(self) -> Self::Sql;
}

macro_rules! params {
    ($($value:ty => $sql:ty, |$it:ident| $convert:expr;)*) => {$(
        impl<'q> Param<'q> for $value {
            type Sql = $sql;
            fn sql(self) -> $sql {
                let $it = self;
                $convert
            }
        }
    )*};
}

params! {
    i64 => i64, |it| it;
    u32 => i64, |it| i64::from(it);
    bool => bool, |it| it;
    f64 => f64, |it| it;
    String => String, |it| it;
    Vec<u8> => Vec<u8>, |it| it;
    Timestamp => i64, |it| it.micros();
}

macro_rules! borrowed {
    ($($value:ty => $sql:ty, $convert:path;)*) => {$(
        impl<'q> Param<'q> for &'q $value {
            type Sql = &'q $sql;
            fn sql(self) -> &'q $sql {
                $convert(self)
            }
        }
    )*};
}

borrowed! {
    str => str, convert::identity;
    [u8] => [u8], convert::identity;
    String => str, String::as_str;
    base::TenantId => str, base::TenantId::as_str;
    base::UserId => str, base::UserId::as_str;
    base::ApiKeyId => str, base::ApiKeyId::as_str;
    base::SessionId => str, base::SessionId::as_str;
    base::AssetId => str, base::AssetId::as_str;
    base::UploadId => str, base::UploadId::as_str;
    base::JobId => str, base::JobId::as_str;
    base::WorkerId => str, base::WorkerId::as_str;
    base::EventId => str, base::EventId::as_str;
    base::AuditId => str, base::AuditId::as_str;
    base::WebhookId => str, base::WebhookId::as_str;
    base::DeliveryId => str, base::DeliveryId::as_str;
    base::PlayId => str, base::PlayId::as_str;
    base::ChannelId => str, base::ChannelId::as_str;
    base::BroadcastId => str, base::BroadcastId::as_str;
}

impl<'q, P: Param<'q>> Param<'q> for Option<P> {
    type Sql = Option<P::Sql>;
    fn sql(self) -> Self::Sql {
        self.map(Param::sql)
    }
}

impl<'q, T: Serialize + Send + 'q> Param<'q> for Json<T> {
    type Sql = Self;
    fn sql(self) -> Self {
        self
    }
}

/// `N` values in a tuple.
pub trait Params<'q, const N: usize>: Send {
    /// Arguments for SQLite.
    ///
    /// # Errors
    /// When a value cannot be encoded.
    fn lite(self) -> Result<SqliteArguments, BoxDynError>;

    /// Arguments for PostgreSQL.
    ///
    /// # Errors
    /// When a value cannot be encoded.
    fn pg(self) -> Result<PgArguments, BoxDynError>;
}

macro_rules! tuples {
    ($($n:literal: $($part:ident)*;)*) => {$(
        impl<'q, $($part: Param<'q>),*> Params<'q, $n> for ($($part,)*) {
            #[expect(non_snake_case, reason = "a tuple's fields are named by its types")]
            fn lite(self) -> Result<SqliteArguments, BoxDynError> {
                let ($($part,)*) = self;
                let mut arguments = SqliteArguments::default();
                $(arguments.add($part.sql())?;)*
                Ok(arguments)
            }

            #[expect(non_snake_case, reason = "a tuple's fields are named by its types")]
            fn pg(self) -> Result<PgArguments, BoxDynError> {
                let ($($part,)*) = self;
                let mut arguments = PgArguments::default();
                $(arguments.add($part.sql())?;)*
                Ok(arguments)
            }
        }
    )*};
}

impl Params<'_, 0> for () {
    fn lite(self) -> Result<SqliteArguments, BoxDynError> {
        Ok(SqliteArguments::default())
    }

    fn pg(self) -> Result<PgArguments, BoxDynError> {
        Ok(PgArguments::default())
    }
}

tuples! {
    1: A;
    2: A B;
    3: A B C;
    4: A B C D;
    5: A B C D E;
    6: A B C D E F;
    7: A B C D E F G;
    8: A B C D E F G H;
    9: A B C D E F G H I;
    10: A B C D E F G H I J;
    11: A B C D E F G H I J K;
    12: A B C D E F G H I J K L;
    13: A B C D E F G H I J K L M;
    14: A B C D E F G H I J K L M N;
    15: A B C D E F G H I J K L M N O;
    16: A B C D E F G H I J K L M N O P;
}
