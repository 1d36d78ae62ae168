//! Pictures.
pub(crate) fn report(_file: &std::path::Path, _report: &crate::report::Report) -> anyhow::Result<()> {
    Ok(())
}
