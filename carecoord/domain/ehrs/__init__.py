"""What an EHR and we both hold: whose word counts for which element, and how two versions become one."""
