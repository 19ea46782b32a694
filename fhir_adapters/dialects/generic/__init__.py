"""Any FHIR R4 server that follows the standard. To add a vendor, copy this folder and change its dialect.json."""
